// Linear layers by kernels of ours.

#ifndef CHIMERA_COMMON_CUDA_BACKEND_STRICT_LINEAR_RUNNER_H_
#define CHIMERA_COMMON_CUDA_BACKEND_STRICT_LINEAR_RUNNER_H_

#include <cstdint>
#include <string>

#include "common/cuda/backend/linear_runner.h"

namespace chimera {

// The fragment-streaming GEMM. Stateless.
class StrictLinearRunner final : public LinearRunner {
 public:
  WeightOrder weight_order() const override { return WeightOrder::kFragments; }
  std::string description() const override { return ""; }
  int PaddedRows(int row_count) const override { return row_count; }
  int SplitCount(const DeviceLinear& linear, int row_count) const override;
  int64_t OutputElements(const DeviceLinear& linear, int max_row_count) const override;
  absl::Status Run(const DeviceLinear& linear, const LinearOperands& operands, cuda::Stream& stream,
                   LaunchOrder order) override;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_BACKEND_STRICT_LINEAR_RUNNER_H_
