#include "common/base/check.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/kernels/gather_rows.h"
#include "common/cuda/kernels/row_vector_kernel.h"
#include "common/cuda/launch.h"

namespace chimera {
namespace {

constexpr int kVectorSize = 8;  // bf16 elements in 16 bytes

struct GatherRowsKernel : RowVectorKernel {
  using Arguments = GatherRowsArguments;

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    device::WaitForPriorLaunch();
    const int element = Vector() * kVectorSize;
    if (element >= arguments.size) return;
    const int64_t index = arguments.indices[Row()];
    device::Words4 words = {};
    if (index >= 0) words = device::LoadWords4(arguments.input + index * arguments.size + element);
    device::StoreWords4(arguments.output + int64_t{Row()} * arguments.size + element, words);
  }
};

}  // namespace

absl::Status LaunchGatherRows(StreamView stream, const GatherRowsArguments& arguments,
                              LaunchOrder order) {
  CHIMERA_CHECK(arguments.row_count > 0);
  CHIMERA_CHECK(arguments.size > 0 && arguments.size % kVectorSize == 0)
      << "rows of " << arguments.size << " elements";
  using Kernel = GatherRowsKernel;
  return Launch<Kernel>(
      stream, Kernel::Shape(arguments.row_count, arguments.size / kVectorSize, order), arguments);
}

}  // namespace chimera
