// The handle of cuBLASLt.

#ifndef CHIMERA_COMMON_CUDA_BLAS_CUBLAS_HANDLE_H_
#define CHIMERA_COMMON_CUDA_BLAS_CUBLAS_HANDLE_H_

#include <cublasLt.h>

#include "common/cuda/blas/blas_handle.h"

namespace chimera::cuda {

class BlasHandle::Impl {
 public:
  const cublasLtHandle_t handle;
};

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_BLAS_CUBLAS_HANDLE_H_
