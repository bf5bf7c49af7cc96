#include "common/cuda/blas/matmul.h"

#include <cublasLt.h>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/cuda/blas/blas_status.h"

namespace chimera::cuda {
namespace {

constexpr cublasComputeType_t kComputeType = CUBLAS_COMPUTE_32F;
constexpr cudaDataType_t kScaleType = CUDA_R_32F;
constexpr cudaDataType_t kInputType = CUDA_R_16BF;

// Of all operands (linear.h), and what vector loads take.
constexpr uint32_t kAlignment = 16;

// How many algorithms are asked for: of those that suit 64 rows, not all suit more.
constexpr int kMaxAlgorithms = 16;

template <typename T>
absl::Status SetDescription(cublasLtMatmulDesc_t description,
                            cublasLtMatmulDescAttributes_t attribute, const T& value) {
  return ToStatus(cublasLtMatmulDescSetAttribute(description, attribute, &value, sizeof(value)),
                  "cublasLtMatmulDescSetAttribute");
}

template <typename T>
absl::Status SetPreference(cublasLtMatmulPreference_t preference,
                           cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
  return ToStatus(
      cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof(value)),
      "cublasLtMatmulPreferenceSetAttribute");
}

// A matrix without gaps.
absl::Status SetLayout(cublasLtMatrixLayout_t layout, cudaDataType_t type, int row_count,
                       int column_count) {
  return ToStatus(cublasLtMatrixLayoutInit(layout, type, row_count, column_count, row_count),
                  "cublasLtMatrixLayoutInit");
}

absl::StatusOr<cublasLtMatmulPreferenceOpaque_t> MakePreference(const MatmulLimits& limits) {
  cublasLtMatmulPreferenceOpaque_t preference = {};
  CHIMERA_RETURN_IF_ERROR(
      ToStatus(cublasLtMatmulPreferenceInit(&preference), "cublasLtMatmulPreferenceInit"));
  const uint64_t max_workspace_bytes = limits.max_workspace_bytes;
  CHIMERA_RETURN_IF_ERROR(
      SetPreference(&preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, max_workspace_bytes));
  CHIMERA_RETURN_IF_ERROR(SetPreference(&preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                                        limits.reduction_schemes));
  for (const auto attribute :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
    CHIMERA_RETURN_IF_ERROR(SetPreference(&preference, attribute, kAlignment));
  }
  return preference;
}

}  // namespace

absl::StatusOr<Matmul> Matmul::Create(cublasLtHandle_t handle, const MatmulShape& shape) {
  Matmul matmul(handle, shape);
  CHIMERA_RETURN_IF_ERROR(matmul.Initialize());
  return matmul;
}

absl::Status Matmul::Initialize() {
  CHIMERA_RETURN_IF_ERROR(ToStatus(cublasLtMatmulDescInit(&description_, kComputeType, kScaleType),
                                   "cublasLtMatmulDescInit"));
  CHIMERA_RETURN_IF_ERROR(SetDescription(&description_, CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T));
  CHIMERA_RETURN_IF_ERROR(SetDescription(&description_, CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N));
  return SetLayout(&weight_layout_, kInputType, shape_.input_size, shape_.output_size);
}

absl::StatusOr<Matmul::RowLayouts> Matmul::Layouts(int row_count) const {
  RowLayouts layouts = {};
  CHIMERA_RETURN_IF_ERROR(SetLayout(&layouts.input, kInputType, shape_.input_size, row_count));
  CHIMERA_RETURN_IF_ERROR(
      SetLayout(&layouts.output, shape_.output_type, shape_.output_size, row_count));
  return layouts;
}

absl::StatusOr<std::vector<cublasLtMatmulAlgo_t>> Matmul::FindAlgorithms(
    int row_count, const MatmulLimits& limits) const {
  CHIMERA_ASSIGN_OR_RETURN(RowLayouts layouts, Layouts(row_count));
  CHIMERA_ASSIGN_OR_RETURN(cublasLtMatmulPreferenceOpaque_t preference, MakePreference(limits));
  std::vector<cublasLtMatmulHeuristicResult_t> results(kMaxAlgorithms);
  int result_count = 0;
  const cublasStatus_t found = cublasLtMatmulAlgoGetHeuristic(
      handle_, description(), weight_layout(), &layouts.input, &layouts.output, &layouts.output,
      &preference, kMaxAlgorithms, results.data(), &result_count);
  std::vector<cublasLtMatmulAlgo_t> algorithms;
  if (found == CUBLAS_STATUS_NOT_SUPPORTED) return algorithms;
  CHIMERA_RETURN_IF_ERROR(ToStatus(found, "cublasLtMatmulAlgoGetHeuristic"));
  results.resize(result_count);
  for (const cublasLtMatmulHeuristicResult_t& result : results) {
    if (result.state == CUBLAS_STATUS_SUCCESS) algorithms.push_back(result.algo);
  }
  return algorithms;
}

absl::StatusOr<cublasLtMatmulAlgo_t> Matmul::MakeAlgorithm(
    const MatmulAlgorithm& attributes) const {
  cublasLtMatmulAlgo_t algorithm = {};
  CHIMERA_RETURN_IF_ERROR(ToStatus(
      cublasLtMatmulAlgoInit(handle_, kComputeType, kScaleType, kInputType, kInputType,
                             shape_.output_type, shape_.output_type, attributes.id, &algorithm),
      "cublasLtMatmulAlgoInit"));
  CHIMERA_RETURN_IF_ERROR(WriteAlgorithm(attributes, &algorithm));
  return algorithm;
}

absl::StatusOr<size_t> Matmul::WorkspaceBytes(const cublasLtMatmulAlgo_t& algorithm,
                                              int row_count) const {
  CHIMERA_ASSIGN_OR_RETURN(RowLayouts layouts, Layouts(row_count));
  cublasLtMatmulHeuristicResult_t result = {};
  const cublasStatus_t checked =
      cublasLtMatmulAlgoCheck(handle_, description(), weight_layout(), &layouts.input,
                              &layouts.output, &layouts.output, &algorithm, &result);
  if (checked == CUBLAS_STATUS_NOT_SUPPORTED || checked == CUBLAS_STATUS_INVALID_VALUE) {
    return absl::UnimplementedError(absl::StrCat("does not serve ", row_count, " rows"));
  }
  CHIMERA_RETURN_IF_ERROR(ToStatus(checked, "cublasLtMatmulAlgoCheck"));
  return result.workspaceSize;
}

absl::Status Matmul::Run(const cublasLtMatmulAlgo_t& algorithm, int row_count,
                         const MatmulOperands& operands, cudaStream_t stream) const {
  CHIMERA_ASSIGN_OR_RETURN(RowLayouts layouts, Layouts(row_count));
  const float one = 1;
  const float zero = 0;
  return ToStatus(cublasLtMatmul(handle_, description(), &one, operands.weight, weight_layout(),
                                 operands.input, &layouts.input, &zero, operands.output,
                                 &layouts.output, operands.output, &layouts.output, &algorithm,
                                 operands.workspace, operands.workspace_bytes, stream),
                  "cublasLtMatmul");
}

}  // namespace chimera::cuda
