// The matrix multiplication of a linear layer, as cuBLASLt sees it.

#ifndef CHIMERA_COMMON_CUDA_BLAS_MATMUL_H_
#define CHIMERA_COMMON_CUDA_BLAS_MATMUL_H_

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/cuda/blas/matmul_algorithm.h"

namespace chimera::cuda {

struct MatmulShape {
  int input_size;
  int output_size;
  cudaDataType_t output_type;
};

// What algorithms are considered.
struct MatmulLimits {
  size_t max_workspace_bytes;
  uint32_t reduction_schemes;  // a mask of cublasLtReductionScheme_t
};

// Pointers to the operands (linear.h).
struct MatmulOperands {
  const void* input;
  const void* weight;
  void* output;
  void* workspace;
  size_t workspace_bytes;
};

// output[rows, N] = input[rows, K] weight[N, K]^T for any number of rows; bf16 inputs, fp32 sums. A
// value; the handle must outlive it. Errors of all functions: blas_status.h. Any thread.
class Matmul {
 public:
  static absl::StatusOr<Matmul> Create(cublasLtHandle_t handle, const MatmulShape& shape);

  // Algorithms for so many rows, what the library holds to be fastest first; there may be none.
  absl::StatusOr<std::vector<cublasLtMatmulAlgo_t>> FindAlgorithms(
      int row_count, const MatmulLimits& limits) const;

  // The algorithm with these attributes, whichever the library found them for.
  absl::StatusOr<cublasLtMatmulAlgo_t> MakeAlgorithm(const MatmulAlgorithm& attributes) const;

  // The workspace that an algorithm needs for so many rows. Errors: also UNIMPLEMENTED, if it
  // cannot serve them.
  absl::StatusOr<size_t> WorkspaceBytes(const cublasLtMatmulAlgo_t& algorithm, int row_count) const;

  // Gives the multiplication to the stream.
  absl::Status Run(const cublasLtMatmulAlgo_t& algorithm, int row_count,
                   const MatmulOperands& operands, cudaStream_t stream) const;

 private:
  // Matrices of the library are stored column by column: the weight is [K, N], taken transposed,
  // the input [K, rows], the output [N, rows].
  struct RowLayouts {
    cublasLtMatrixLayoutOpaque_t input;
    cublasLtMatrixLayoutOpaque_t output;
  };

  Matmul(cublasLtHandle_t handle, const MatmulShape& shape) : handle_(handle), shape_(shape) {}

  absl::Status Initialize();
  absl::StatusOr<RowLayouts> Layouts(int row_count) const;

  // Where the library asks for descriptions it will only read.
  cublasLtMatmulDesc_t description() const {
    return const_cast<cublasLtMatmulDescOpaque_t*>(&description_);
  }
  cublasLtMatrixLayout_t weight_layout() const {
    return const_cast<cublasLtMatrixLayoutOpaque_t*>(&weight_layout_);
  }

  cublasLtHandle_t handle_;
  MatmulShape shape_;
  cublasLtMatmulDescOpaque_t description_ = {};
  cublasLtMatrixLayoutOpaque_t weight_layout_ = {};
};

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_BLAS_MATMUL_H_
