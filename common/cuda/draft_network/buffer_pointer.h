// Where a buffer's memory is, for arguments of kernels.

#ifndef CHIMERA_COMMON_CUDA_DRAFT_NETWORK_BUFFER_POINTER_H_
#define CHIMERA_COMMON_CUDA_DRAFT_NETWORK_BUFFER_POINTER_H_

#include "common/cuda/runtime/device_memory.h"

namespace chimera {

template <typename T>
T* PointerTo(cuda::DeviceBuffer<T>& buffer) {
  return buffer.span().device_pointer();
}
template <typename T>
const T* PointerTo(const cuda::DeviceBuffer<T>& buffer) {
  return buffer.span().device_pointer();
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_DRAFT_NETWORK_BUFFER_POINTER_H_
