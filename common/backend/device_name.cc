#include "common/backend/device_name.h"

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace chimera {

absl::StatusOr<std::optional<int>> CudaDeviceNumber(absl::string_view device) {
  if (device == "cpu") return std::nullopt;
  absl::string_view digits = device;
  int number = 0;
  if (absl::ConsumePrefix(&digits, "cuda:") && absl::SimpleAtoi(digits, &number) && number >= 0) {
    return number;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("device \"", device, "\", must be \"cpu\" or \"cuda:N\""));
}

}  // namespace chimera
