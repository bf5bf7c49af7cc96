#include "common/base/check.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/device/split_sum.h"
#include "common/cuda/device/vector4.h"
#include "common/cuda/kernels/row_vector_kernel.h"
#include "common/cuda/kernels/silu.h"
#include "common/cuda/launch.h"

namespace chimera {
namespace {

using device::kVectorSize;
using device::Vector4;

struct SiluKernel : RowVectorKernel {
  using Arguments = SiluArguments;

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    device::WaitForPriorLaunch();
    constexpr float kLog2E = 0x1.715476p+0f;
    const int element = Vector() * kVectorSize;
    if (element >= arguments.size) return;
    const int64_t first = int64_t{Row()} * arguments.size + element;
    const int64_t split_size = int64_t{arguments.row_count} * arguments.size;
    Vector4 x = device::SumSplits(arguments.partials + first, arguments.split_count, split_size);
    CHIMERA_UNROLL
    for (int j = 0; j < kVectorSize; ++j) {
      const float exponential = device::Exp2(device::Mul(x.value[j], -kLog2E));
      x.value[j] = device::Div(x.value[j], device::Add(1.0f, exponential));
    }
    device::StoreVector4(arguments.output + first, x);
  }
};

}  // namespace

absl::Status LaunchSilu(StreamView stream, const SiluArguments& arguments, LaunchOrder order) {
  CHIMERA_CHECK(arguments.row_count > 0 && arguments.split_count > 0);
  CHIMERA_CHECK(arguments.size > 0 && arguments.size % kVectorSize == 0)
      << "rows of " << arguments.size << " elements";
  using Kernel = SiluKernel;
  return Launch<Kernel>(
      stream, Kernel::Shape(arguments.row_count, arguments.size / kVectorSize, order), arguments);
}

}  // namespace chimera
