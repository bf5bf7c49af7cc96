#include "tools/gpu_bench/loading.h"

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/cuda/runtime/device.h"

namespace chimera {

int LoadingThreads() {
  constexpr unsigned kMostThreads = 32;
  return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, kMostThreads));
}

absl::Status CheckFreeMemory(absl::string_view what, int64_t bytes) {
  CHIMERA_ASSIGN_OR_RETURN(const size_t free, cuda::FreeDeviceMemoryBytes());
  if (bytes <= static_cast<int64_t>(free)) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat(what, " take ", bytes >> 20, " MiB, ", free >> 20, " MiB are free"));
}

}  // namespace chimera
