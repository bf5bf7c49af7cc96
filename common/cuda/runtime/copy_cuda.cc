#include <cuda_runtime_api.h>

#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/cuda_stream.h"
#include "common/cuda/runtime/status_conversion.h"

namespace chimera::cuda::internal {
namespace {

cudaMemcpyKind CopyKind(CopyDirection direction) {
  switch (direction) {
    case CopyDirection::kToDevice:
      return cudaMemcpyHostToDevice;
    case CopyDirection::kToHost:
      return cudaMemcpyDeviceToHost;
    case CopyDirection::kWithinDevice:
      return cudaMemcpyDeviceToDevice;
  }
  CHIMERA_CHECK(false) << "no direction";
  return cudaMemcpyDefault;
}

}  // namespace

absl::Status CopyBytes(const ByteCopy& copy, Stream& stream) {
  return ToStatus(cudaMemcpyAsync(copy.destination, copy.source, copy.bytes,
                                  CopyKind(copy.direction), CudaStream(stream)),
                  "cudaMemcpyAsync");
}

absl::Status FillBytes(void* destination, std::byte value, size_t bytes, Stream& stream) {
  return ToStatus(
      cudaMemsetAsync(destination, std::to_integer<int>(value), bytes, CudaStream(stream)),
      "cudaMemsetAsync");
}

}  // namespace chimera::cuda::internal
