#include <cublasLt.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/cuda/blas/cublas_handle.h"
#include "common/cuda/blas/first_usable.h"
#include "common/cuda/blas/linear.h"
#include "common/cuda/blas/matmul.h"
#include "common/cuda/runtime/cuda_stream.h"

namespace chimera::cuda {
namespace {

constexpr cudaDataType_t DataType(float) { return CUDA_R_32F; }
constexpr cudaDataType_t DataType(uint16_t) { return CUDA_R_16BF; }

// Where k is split, other schemes round the parts to the output's type before they add them.
constexpr uint32_t kFloatReductions =
    CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
constexpr uint32_t kAllReductions = CUBLASLT_REDUCTION_SCHEME_MASK;

MatmulLimits Limits(const BlasLinearConfig& config) {
  return {config.max_workspace_bytes,
          config.mode == BlasMode::kPinned ? kFloatReductions : kAllReductions};
}

std::string NoAlgorithm(const BlasLinearConfig& config, int row_count) {
  return absl::StrCat("cuBLASLt has no algorithm for a linear layer from ", config.input_size,
                      " to ", config.output_size, " that serves ",
                      config.mode == BlasMode::kPinned
                          ? absl::StrCat(kPinnedRows, " to ", row_count)
                          : absl::StrCat(row_count),
                      " rows within ", config.max_workspace_bytes, " bytes of workspace");
}

// An algorithm for every number of rows.
struct PinnedAlgorithm {
  MatmulAlgorithm attributes;
  cublasLtMatmulAlgo_t algorithm;
  size_t workspace_bytes;  // for the number of rows that takes most
};

// The workspace that an algorithm needs for all numbers of rows. Errors: also UNIMPLEMENTED, if
// there is a number that it cannot serve.
absl::StatusOr<size_t> CheckAllRowCounts(const Matmul& matmul, const BlasLinearConfig& config,
                                         const cublasLtMatmulAlgo_t& algorithm) {
  size_t workspace_bytes = 0;
  for (int rows = kPinnedRows; rows <= config.max_row_count; rows += kPinnedRows) {
    CHIMERA_ASSIGN_OR_RETURN(const size_t bytes, matmul.WorkspaceBytes(algorithm, rows));
    if (bytes > config.max_workspace_bytes) {
      return absl::UnimplementedError(
          absl::StrCat("needs ", bytes, " bytes of workspace for ", rows, " rows"));
    }
    workspace_bytes = std::max(workspace_bytes, bytes);
  }
  return workspace_bytes;
}

absl::StatusOr<PinnedAlgorithm> PinCandidate(const Matmul& matmul, const BlasLinearConfig& config,
                                             const cublasLtMatmulAlgo_t& candidate) {
  // Made anew from what can be read of it, so that nothing else is in it.
  CHIMERA_ASSIGN_OR_RETURN(const MatmulAlgorithm attributes, ReadAlgorithm(candidate));
  CHIMERA_ASSIGN_OR_RETURN(const cublasLtMatmulAlgo_t algorithm, matmul.MakeAlgorithm(attributes));
  CHIMERA_ASSIGN_OR_RETURN(const size_t workspace_bytes,
                           CheckAllRowCounts(matmul, config, algorithm));
  return PinnedAlgorithm{attributes, algorithm, workspace_bytes};
}

absl::StatusOr<PinnedAlgorithm> PinAlgorithm(const Matmul& matmul, const BlasLinearConfig& config) {
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<cublasLtMatmulAlgo_t> candidates,
                           matmul.FindAlgorithms(kPinnedRows, Limits(config)));
  return FirstUsable(candidates, NoAlgorithm(config, config.max_row_count),
                     [&](const cublasLtMatmulAlgo_t& candidate) {
                       return PinCandidate(matmul, config, candidate);
                     });
}

}  // namespace

template <typename Output>
class BlasLinear<Output>::Impl {
 public:
  const BlasLinearConfig config;
  const Matmul matmul;
  std::optional<PinnedAlgorithm> pinned;        // in that mode
  std::map<int, cublasLtMatmulAlgo_t> fastest;  // in the other, by the number of rows
};

template <typename Output>
absl::StatusOr<BlasLinear<Output>> BlasLinear<Output>::Create(BlasHandle& handle,
                                                              const BlasLinearConfig& config) {
  const BlasLinearConfig checked = internal::CheckedConfig(config);
  CHIMERA_ASSIGN_OR_RETURN(
      const Matmul matmul,
      Matmul::Create(handle.impl().handle,
                     {checked.input_size, checked.output_size, DataType(Output{})}));
  ImplPointer impl(new Impl{checked, matmul, std::nullopt, {}});
  if (checked.mode == BlasMode::kPinned) {
    CHIMERA_ASSIGN_OR_RETURN((*impl).pinned, PinAlgorithm(matmul, checked));
  }
  return BlasLinear(std::move(impl));
}

template <typename Output>
const BlasLinearConfig& BlasLinear<Output>::config() const {
  return impl().config;
}

template <typename Output>
size_t BlasLinear<Output>::workspace_bytes() const {
  return impl().pinned ? impl().pinned->workspace_bytes : config().max_workspace_bytes;
}

template <typename Output>
std::string BlasLinear<Output>::AlgorithmDescription() const {
  return impl().pinned ? Describe(impl().pinned->attributes) : "fastest";
}

template <typename Output>
absl::Status BlasLinear<Output>::Prepare(int row_count) {
  const int rows = PaddedRowCount(row_count);
  if (impl().pinned || impl().fastest.contains(rows)) return absl::OkStatus();
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<cublasLtMatmulAlgo_t> candidates,
                           impl().matmul.FindAlgorithms(rows, Limits(config())));
  if (candidates.empty()) return absl::FailedPreconditionError(NoAlgorithm(config(), rows));
  impl().fastest.emplace(rows, candidates.front());
  return absl::OkStatus();
}

template <typename Output>
absl::Status BlasLinear<Output>::Run(const BlasLinearArguments<Output>& arguments, Stream& stream) {
  Check(arguments);
  CHIMERA_RETURN_IF_ERROR(Prepare(arguments.row_count));
  const int rows = PaddedRowCount(arguments.row_count);
  const cublasLtMatmulAlgo_t& algorithm =
      impl().pinned ? impl().pinned->algorithm : impl().fastest.at(rows);
  return impl().matmul.Run(algorithm, rows,
                           {arguments.input.device_pointer(), arguments.weight.device_pointer(),
                            arguments.output.device_pointer(), arguments.workspace.device_pointer(),
                            arguments.workspace.size_bytes()},
                           CudaStream(stream));
}

template class BlasLinear<float>;
template class BlasLinear<uint16_t>;

}  // namespace chimera::cuda
