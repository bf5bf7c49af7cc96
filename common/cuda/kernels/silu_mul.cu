#include "common/base/check.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/device/split_sum.h"
#include "common/cuda/device/vector4.h"
#include "common/cuda/kernels/row_vector_kernel.h"
#include "common/cuda/kernels/silu_mul.h"
#include "common/cuda/launch.h"

namespace chimera {
namespace {

using device::kVectorSize;
using device::Vector4;

struct SiluMulKernel : RowVectorKernel {
  using Arguments = SiluMulArguments;

  static CHIMERA_DEVICE float SiluMul(float gate, float up) {
    constexpr float kLog2E = 0x1.715476p+0f;
    const float exponential = device::Exp2(device::Mul(gate, -kLog2E));
    return device::Mul(device::Div(gate, device::Add(1.0f, exponential)), up);
  }

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    device::WaitForPriorLaunch();
    const int element = Vector() * kVectorSize;
    if (element >= arguments.size) return;
    const int64_t row = Row();
    const int64_t split_size = int64_t{2} * arguments.row_count * arguments.size;
    const float* const gates = arguments.partials + 2 * row * arguments.size + element;
    const Vector4 gate = device::SumSplits(gates, arguments.split_count, split_size);
    const Vector4 up = device::SumSplits(gates + arguments.size, arguments.split_count, split_size);
    Vector4 output;
    CHIMERA_UNROLL
    for (int j = 0; j < kVectorSize; ++j) output.value[j] = SiluMul(gate.value[j], up.value[j]);
    device::StoreVector4(arguments.output + row * arguments.size + element, output);
  }
};

}  // namespace

absl::Status LaunchSiluMul(StreamView stream, const SiluMulArguments& arguments,
                           LaunchOrder order) {
  CHIMERA_CHECK(arguments.row_count > 0 && arguments.split_count > 0);
  CHIMERA_CHECK(arguments.size > 0 && arguments.size % kVectorSize == 0)
      << "rows of " << arguments.size << " elements";
  using Kernel = SiluMulKernel;
  return Launch<Kernel>(
      stream, Kernel::Shape(arguments.row_count, arguments.size / kVectorSize, order), arguments);
}

}  // namespace chimera
