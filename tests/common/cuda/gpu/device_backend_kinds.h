// The GPUs of this machine, for the tests of tests/common/backend.

#ifndef CHIMERA_TESTS_COMMON_CUDA_GPU_DEVICE_BACKEND_KINDS_H_
#define CHIMERA_TESTS_COMMON_CUDA_GPU_DEVICE_BACKEND_KINDS_H_

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/backend/numerics.h"
#include "common/cuda/backend/cuda_backend.h"
#include "common/cuda/runtime/device.h"
#include "tests/common/backend/backend_kind.h"

namespace chimera::testing {

// One kind for each device; one that cannot be run, if there is none.
inline std::vector<BackendKind> DeviceBackendKinds(Numerics numerics) {
  const absl::StatusOr<int> count = cuda::DeviceCount();
  std::vector<BackendKind> kinds;
  for (int device = 0; device < count.value_or(1); ++device) {
    BackendKind kind = {
        .name = absl::StrCat("Device", device),
        .create = [device, numerics](const LlamaModel& model, const BackendLimits& limits) {
          return CudaBackend::Create(model.config(), model.weights(),
                                     {.device = device, .numerics = numerics, .limits = limits});
        }};
    if (!count.ok()) kind.unavailable = absl::StrCat("needs a GPU: ", count.status().message());
    kinds.push_back(std::move(kind));
  }
  return kinds;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_GPU_DEVICE_BACKEND_KINDS_H_
