// All that tells one algorithm of cuBLASLt from another.

#ifndef CHIMERA_COMMON_CUDA_BLAS_MATMUL_ALGORITHM_H_
#define CHIMERA_COMMON_CUDA_BLAS_MATMUL_ALGORITHM_H_

#include <cublasLt.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace chimera::cuda {

// The attributes of an algorithm, in the types that the library has for them (cublasLt.h,
// cublasLtMatmulAlgoConfigAttributes_t).
struct MatmulAlgorithm {
  int32_t id = 0;
  uint32_t tile = 0;
  uint32_t stages = 0;
  int32_t split_count = 0;
  uint32_t reduction_scheme = 0;
  uint32_t swizzle = 0;
  uint32_t custom_option = 0;
  uint16_t inner_shape = 0;
  uint16_t cluster_shape = 0;
};

// Reads them from what the library keeps.
absl::StatusOr<MatmulAlgorithm> ReadAlgorithm(const cublasLtMatmulAlgo_t& algorithm);

// Writes all but the id, which cublasLtMatmulAlgoInit has written.
absl::Status WriteAlgorithm(const MatmulAlgorithm& attributes, cublasLtMatmulAlgo_t* algorithm);

// One line with all of them.
std::string Describe(const MatmulAlgorithm& algorithm);

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_BLAS_MATMUL_ALGORITHM_H_
