// Names of devices: "cpu", "cuda:0", "cuda:1", ...

#ifndef CHIMERA_COMMON_BACKEND_DEVICE_NAME_H_
#define CHIMERA_COMMON_BACKEND_DEVICE_NAME_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace chimera {

// The number of a CUDA device; nothing for "cpu". INVALID_ARGUMENT for any other name.
absl::StatusOr<std::optional<int>> CudaDeviceNumber(absl::string_view device);

}  // namespace chimera

#endif  // CHIMERA_COMMON_BACKEND_DEVICE_NAME_H_
