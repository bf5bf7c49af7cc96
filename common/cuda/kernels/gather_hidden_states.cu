#include "common/base/check.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/device/vector4.h"
#include "common/cuda/kernels/gather_hidden_states.h"
#include "common/cuda/kernels/row_vector_kernel.h"
#include "common/cuda/launch.h"

namespace chimera {
namespace {

using device::kVectorSize;

struct GatherHiddenStatesKernel : RowVectorKernel {
  using Arguments = GatherHiddenStatesArguments;

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    device::WaitForPriorLaunch();
    const int element = Vector() * kVectorSize;
    const int64_t output_row = arguments.output_rows[Row()];
    if (element >= arguments.size || output_row < 0) return;
    const int64_t row_and_tap = output_row * arguments.tap_count + arguments.tap;
    device::StoreVector4(
        arguments.output + row_and_tap * arguments.size + element,
        device::LoadVector4(arguments.residual + int64_t{Row()} * arguments.size + element));
  }
};

}  // namespace

absl::Status LaunchGatherHiddenStates(StreamView stream,
                                      const GatherHiddenStatesArguments& arguments,
                                      LaunchOrder order) {
  CHIMERA_CHECK(arguments.row_count > 0);
  CHIMERA_CHECK(arguments.tap >= 0 && arguments.tap < arguments.tap_count)
      << "tap " << arguments.tap << " of " << arguments.tap_count;
  CHIMERA_CHECK(arguments.size > 0 && arguments.size % kVectorSize == 0)
      << "rows of " << arguments.size << " elements";
  using Kernel = GatherHiddenStatesKernel;
  return Launch<Kernel>(
      stream, Kernel::Shape(arguments.row_count, arguments.size / kVectorSize, order), arguments);
}

}  // namespace chimera
