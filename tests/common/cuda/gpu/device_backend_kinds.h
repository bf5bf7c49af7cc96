// The GPUs of this machine, for the tests of tests/common/backend.

#ifndef CHIMERA_TESTS_COMMON_CUDA_GPU_DEVICE_BACKEND_KINDS_H_
#define CHIMERA_TESTS_COMMON_CUDA_GPU_DEVICE_BACKEND_KINDS_H_

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/backend/numerics.h"
#include "common/base/status_macros.h"
#include "common/cuda/backend/cuda_backend.h"
#include "common/cuda/runtime/device.h"
#include "common/cuda/runtime/device_error.h"
#include "tests/common/backend/backend_kind.h"

namespace chimera::testing {

// Whether our kernels run on the device, which is not taken into use.
inline absl::Status CheckDevice(int device) {
  CHIMERA_ASSIGN_OR_RETURN(const cuda::DeviceInfo info, cuda::GetDeviceInfo(device));
  return cuda::CheckRunsKernels(device, info);
}

// One kind for each device; one that cannot be run, if there is none. Pinned numerics may be
// refused: what a library computes may depend on the batch.
inline std::vector<BackendKind> DeviceBackendKinds(Numerics numerics) {
  const int count = cuda::DeviceCount().value_or(1);
  std::vector<BackendKind> kinds;
  for (int device = 0; device < count; ++device) {
    BackendKind kind = {
        .name = absl::StrCat("Device", device),
        .may_refuse = numerics == Numerics::kPinned,
        .create = [device, numerics](const LlamaModel& model, const BackendLimits& limits) {
          return CudaBackend::Create(model.config(), model.weights(),
                                     {.device = device, .numerics = numerics, .limits = limits});
        }};
    if (const absl::Status runs = CheckDevice(device); !runs.ok()) {
      kind.unavailable = absl::StrCat("needs a GPU: ", runs.message());
    }
    kinds.push_back(std::move(kind));
  }
  return kinds;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_GPU_DEVICE_BACKEND_KINDS_H_
