#include <cuda_runtime_api.h>

#include "common/base/status_macros.h"
#include "common/cuda/runtime/cuda_event.h"
#include "common/cuda/runtime/status_conversion.h"

namespace chimera::cuda {
namespace {

void Destroy(Event::Impl* impl) {
  LogIfError(cudaEventDestroy(impl->handle), "cudaEventDestroy");
  delete impl;
}

}  // namespace

absl::StatusOr<Event> Event::Create(EventTiming timing) {
  const unsigned flags = timing == EventTiming::kOn ? cudaEventDefault : cudaEventDisableTiming;
  cudaEvent_t handle = nullptr;
  CHIMERA_RETURN_IF_ERROR(
      ToStatus(cudaEventCreateWithFlags(&handle, flags), "cudaEventCreateWithFlags"));
  return Event(ImplPointer(new Impl{handle}, &Destroy));
}

absl::Status Event::Synchronize() const {
  return ToStatus(cudaEventSynchronize(impl().handle), "cudaEventSynchronize");
}

absl::StatusOr<bool> Event::IsDone() const {
  const cudaError_t error = cudaEventQuery(impl().handle);
  if (error == cudaErrorNotReady) {
    static_cast<void>(cudaGetLastError());  // or the next launch would find this answer
    return false;
  }
  CHIMERA_RETURN_IF_ERROR(ToStatus(error, "cudaEventQuery"));
  return true;
}

absl::StatusOr<float> ElapsedMilliseconds(const Event& start, const Event& end) {
  float milliseconds = 0;
  CHIMERA_RETURN_IF_ERROR(
      ToStatus(cudaEventElapsedTime(&milliseconds, start.impl().handle, end.impl().handle),
               "cudaEventElapsedTime"));
  return milliseconds;
}

}  // namespace chimera::cuda
