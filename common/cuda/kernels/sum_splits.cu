#include "common/base/check.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/device/split_sum.h"
#include "common/cuda/device/vector4.h"
#include "common/cuda/kernels/row_vector_kernel.h"
#include "common/cuda/kernels/sum_splits.h"
#include "common/cuda/launch.h"

namespace chimera {
namespace {

using device::kVectorSize;

struct SumSplitsKernel : RowVectorKernel {
  using Arguments = SumSplitsArguments;

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    device::WaitForPriorLaunch();
    const int element = Vector() * kVectorSize;
    const int64_t output_row =
        arguments.output_rows == nullptr ? Row() : arguments.output_rows[Row()];
    if (element >= arguments.size || output_row < 0) return;
    const int64_t split_size = int64_t{arguments.row_count} * arguments.size;
    const float* const partials = arguments.partials + int64_t{Row()} * arguments.size + element;
    device::StoreVector4(arguments.output + output_row * arguments.size + element,
                         device::SumSplits(partials, arguments.split_count, split_size));
  }
};

}  // namespace

absl::Status LaunchSumSplits(StreamView stream, const SumSplitsArguments& arguments,
                             LaunchOrder order) {
  CHIMERA_CHECK(arguments.row_count > 0 && arguments.split_count > 0);
  CHIMERA_CHECK(arguments.size > 0 && arguments.size % kVectorSize == 0)
      << "rows of " << arguments.size << " elements";
  using Kernel = SumSplitsKernel;
  return Launch<Kernel>(
      stream, Kernel::Shape(arguments.row_count, arguments.size / kVectorSize, order), arguments);
}

}  // namespace chimera
