#include <cuda_runtime_api.h>

#include "common/base/status_macros.h"
#include "common/cuda/runtime/cuda_event.h"
#include "common/cuda/runtime/cuda_stream.h"
#include "common/cuda/runtime/status_conversion.h"

namespace chimera::cuda {
namespace {

void Destroy(Stream::Impl* impl) {
  // CUDA would let the work go on, on memory that may be gone.
  LogIfError(cudaStreamSynchronize(impl->handle), "cudaStreamSynchronize");
  LogIfError(cudaStreamDestroy(impl->handle), "cudaStreamDestroy");
  delete impl;
}

}  // namespace

absl::StatusOr<Stream> Stream::Create() {
  cudaStream_t handle = nullptr;
  CHIMERA_RETURN_IF_ERROR(ToStatus(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking),
                                   "cudaStreamCreateWithFlags"));
  return Stream(ImplPointer(new Impl{handle}, &Destroy));
}

absl::Status Stream::Synchronize() {
  return ToStatus(cudaStreamSynchronize(impl().handle), "cudaStreamSynchronize");
}

absl::Status Stream::RecordEvent(Event& event) {
  return ToStatus(cudaEventRecord(event.impl().handle, impl().handle), "cudaEventRecord");
}

absl::Status Stream::WaitEvent(const Event& event) {
  return ToStatus(cudaStreamWaitEvent(impl().handle, event.impl().handle, cudaEventWaitDefault),
                  "cudaStreamWaitEvent");
}

}  // namespace chimera::cuda
