#include "common/cuda/backend/strict_linear_runner.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/cuda/kernels/fragment_gemm.h"

namespace chimera {

int StrictLinearRunner::SplitCount(const DeviceLinear& linear, int row_count) const {
  return FragmentGemmOutputSplits(row_count, linear.output_size, linear.input_size);
}

int64_t StrictLinearRunner::OutputElements(const DeviceLinear& linear, int max_row_count) const {
  int64_t elements = 0;
  // Both grow with the rows: partial sums of few, and sums of many.
  for (const int rows : {std::min(max_row_count, kMaxFragmentPartialRows), max_row_count}) {
    elements =
        std::max(elements, FragmentGemmOutputElements(rows, linear.output_size, linear.input_size));
  }
  return elements;
}

absl::Status StrictLinearRunner::Run(const DeviceLinear& linear, const LinearOperands& operands,
                                     cuda::Stream& stream, LaunchOrder order) {
  CHIMERA_CHECK(linear.order == WeightOrder::kFragments);
  return LaunchFragmentGemm(stream,
                            {.row_count = operands.row_count,
                             .output_size = linear.output_size,
                             .input_size = linear.input_size,
                             .input = operands.input.device_pointer(),
                             .weights = linear.weights.span().device_pointer(),
                             .output = operands.output.device_pointer()},
                            order);
}

}  // namespace chimera
