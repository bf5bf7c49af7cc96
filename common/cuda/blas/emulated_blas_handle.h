// What the emulated library keeps of a handle.

#ifndef CHIMERA_COMMON_CUDA_BLAS_EMULATED_BLAS_HANDLE_H_
#define CHIMERA_COMMON_CUDA_BLAS_EMULATED_BLAS_HANDLE_H_

#include "common/cuda/blas/blas_handle.h"

namespace chimera::cuda {

class BlasHandle::Impl {
 public:
  const int device;
};

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_BLAS_EMULATED_BLAS_HANDLE_H_
