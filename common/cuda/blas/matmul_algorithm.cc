#include "common/cuda/blas/matmul_algorithm.h"

#include <cublasLt.h>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/cuda/blas/blas_status.h"

namespace chimera::cuda {
namespace {

// Calls `handle(attribute, member)` for each member but the id, until one fails.
template <typename Algorithm, typename Handler>
absl::Status ForEachSetting(Algorithm& algorithm, Handler handle) {
  CHIMERA_RETURN_IF_ERROR(handle(CUBLASLT_ALGO_CONFIG_TILE_ID, algorithm.tile));
  CHIMERA_RETURN_IF_ERROR(handle(CUBLASLT_ALGO_CONFIG_STAGES_ID, algorithm.stages));
  CHIMERA_RETURN_IF_ERROR(handle(CUBLASLT_ALGO_CONFIG_SPLITK_NUM, algorithm.split_count));
  CHIMERA_RETURN_IF_ERROR(
      handle(CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, algorithm.reduction_scheme));
  CHIMERA_RETURN_IF_ERROR(handle(CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING, algorithm.swizzle));
  CHIMERA_RETURN_IF_ERROR(handle(CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION, algorithm.custom_option));
  CHIMERA_RETURN_IF_ERROR(handle(CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID, algorithm.inner_shape));
  return handle(CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID, algorithm.cluster_shape);
}

}  // namespace

absl::StatusOr<MatmulAlgorithm> ReadAlgorithm(const cublasLtMatmulAlgo_t& algorithm) {
  MatmulAlgorithm attributes;
  const auto read = [&](cublasLtMatmulAlgoConfigAttributes_t attribute, auto& value) {
    size_t written = 0;
    return ToStatus(cublasLtMatmulAlgoConfigGetAttribute(&algorithm, attribute, &value,
                                                         sizeof(value), &written),
                    "cublasLtMatmulAlgoConfigGetAttribute");
  };
  CHIMERA_RETURN_IF_ERROR(read(CUBLASLT_ALGO_CONFIG_ID, attributes.id));
  CHIMERA_RETURN_IF_ERROR(ForEachSetting(attributes, read));
  return attributes;
}

absl::Status WriteAlgorithm(const MatmulAlgorithm& attributes, cublasLtMatmulAlgo_t* algorithm) {
  return ForEachSetting(
      attributes, [&](cublasLtMatmulAlgoConfigAttributes_t attribute, const auto& value) {
        return ToStatus(
            cublasLtMatmulAlgoConfigSetAttribute(algorithm, attribute, &value, sizeof(value)),
            "cublasLtMatmulAlgoConfigSetAttribute");
      });
}

std::string Describe(const MatmulAlgorithm& algorithm) {
  return absl::StrCat("id=", algorithm.id, " tile=", algorithm.tile, " stages=", algorithm.stages,
                      " splits=", algorithm.split_count, " reduction=", algorithm.reduction_scheme,
                      " swizzle=", algorithm.swizzle, " custom=", algorithm.custom_option,
                      " inner=", algorithm.inner_shape, " cluster=", algorithm.cluster_shape);
}

}  // namespace chimera::cuda
