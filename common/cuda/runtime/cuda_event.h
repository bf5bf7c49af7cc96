// The handle of an event.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_CUDA_EVENT_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_CUDA_EVENT_H_

#include <cuda_runtime_api.h>

#include "common/cuda/runtime/event.h"

namespace chimera::cuda {

class Event::Impl {
 public:
  const cudaEvent_t handle;
};

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_CUDA_EVENT_H_
