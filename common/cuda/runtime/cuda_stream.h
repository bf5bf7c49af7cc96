// The handle of a stream, for what calls CUDA itself: kernel launches and cuBLAS.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_CUDA_STREAM_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_CUDA_STREAM_H_

#include <cuda_runtime_api.h>

#include "common/cuda/runtime/stream.h"

namespace chimera::cuda {

class Stream::Impl {
 public:
  const cudaStream_t handle;
};

// Valid as long as the stream, which keeps it.
inline cudaStream_t CudaStream(const Stream& stream) { return stream.impl().handle; }

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_CUDA_STREAM_H_
