// The tests of tests/common/backend on each GPU.

#include "absl/strings/str_cat.h"
#include "common/cuda/backend/cuda_backend.h"
#include "common/cuda/runtime/device.h"
#include "tests/common/backend/backend_kind.h"

namespace chimera::testing {

std::vector<BackendKind> BackendKinds() {
  const absl::StatusOr<int> count = cuda::DeviceCount();
  std::vector<BackendKind> kinds;
  for (int device = 0; device < count.value_or(1); ++device) {
    BackendKind kind = {.name = absl::StrCat("Device", device),
                        .create = [device](const LlamaModel& model, const BackendLimits& limits) {
                          return CudaBackend::Create(model.config(), model.weights(),
                                                     {.device = device, .limits = limits});
                        }};
    if (!count.ok()) kind.unavailable = absl::StrCat("needs a GPU: ", count.status().message());
    kinds.push_back(std::move(kind));
  }
  return kinds;
}

}  // namespace chimera::testing
