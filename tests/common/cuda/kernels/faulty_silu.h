// Plainer kernels for silu.h and silu_mul.h, with and without the faults that their tests must
// catch.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_SILU_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_SILU_H_

#include "common/cuda/kernels/silu.h"
#include "common/cuda/kernels/silu_mul.h"
#include "tests/common/cuda/kernels/plain_row_kernel.h"

namespace chimera::testing {

enum class SiluFault {
  kNone,
  kByRowCount,      // adds the splits from the last to the first where there are many rows
  kRoundedSum,      // rounds sums to bf16 before the activation
  kUpsBeforeGates,  // takes the first half of a row for the ups; of PlainSiluMul only
};

// What both do: sums of the block's row, which has `row_size`, and the activation.
template <SiluFault kFault>
struct PlainActivation : PlainRowKernel {
  template <typename Arguments>
  static float Sum(const Arguments& arguments, int row_size, int element) {
    const bool is_backwards = kFault == SiluFault::kByRowCount && arguments.row_count >= kManyRows;
    const float sum =
        SumSplits(arguments.partials + int64_t{Row()} * row_size + element, arguments.split_count,
                  int64_t{arguments.row_count} * row_size, is_backwards);
    if (kFault != SiluFault::kRoundedSum) return sum;
    return device::Bf16ToFloat(device::FloatToBf16(sum));
  }

  static float Silu(float x) {
    constexpr float kLog2E = 0x1.715476p+0f;
    return device::Div(x, device::Add(1.0f, device::Exp2(device::Mul(x, -kLog2E))));
  }
};

template <SiluFault kFault>
struct PlainSilu : PlainActivation<kFault> {
  using Arguments = SiluArguments;
  using Base = PlainActivation<kFault>;

  static void Run(const Arguments& arguments) {
    device::WaitForPriorLaunch();
    for (int i = device::ThreadIndex(); i < arguments.size; i += Base::kThreads) {
      arguments.output[int64_t{Base::Row()} * arguments.size + i] =
          device::FloatToBf16(Base::Silu(Base::Sum(arguments, arguments.size, i)));
    }
  }
};

template <SiluFault kFault>
struct PlainSiluMul : PlainActivation<kFault> {
  using Arguments = SiluMulArguments;
  using Base = PlainActivation<kFault>;

  static void Run(const Arguments& arguments) {
    device::WaitForPriorLaunch();
    const int size = arguments.size;
    const int gates = kFault == SiluFault::kUpsBeforeGates ? size : 0;
    for (int i = device::ThreadIndex(); i < size; i += Base::kThreads) {
      const float gate = Base::Sum(arguments, 2 * size, gates + i);
      const float up = Base::Sum(arguments, 2 * size, size - gates + i);
      arguments.output[int64_t{Base::Row()} * size + i] =
          device::FloatToBf16(device::Mul(Base::Silu(gate), up));
    }
  }
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_FAULTY_SILU_H_
