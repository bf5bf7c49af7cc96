#include "tests/common/cuda/kernels/faulty_rms_norm.h"

#include "common/cuda/device/block_sum.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/launch.h"

namespace chimera::testing {
namespace {

enum class Fault { kNone, kMissingBarrier, kThreadsByRowCount };

struct Kernel {
  struct Arguments {
    RmsNormArguments<float> norm;
    Fault fault;
  };
  static constexpr int kThreads = 256;
  static constexpr int kBlocksPerMultiprocessor = 1;

  struct Shared {
    float warp_sums[kThreads / kWarpSize];
  };

  static CHIMERA_DEVICE float SumWithoutBarrier(float value) {
    Shared& shared = device::SharedMemory<Shared>();
    const float own = device::WarpSum(value);
    if (device::LaneIndex() == 0) shared.warp_sums[device::WarpIndex()] = own;
    float sum = 0;
    for (const float warp_sum : shared.warp_sums) sum = device::Add(sum, warp_sum);
    return sum;
  }

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    const RmsNormArguments<float>& norm = arguments.norm;
    const bool uses_few = arguments.fault == Fault::kThreadsByRowCount && norm.row_count >= 64;
    const int thread_count = uses_few ? 64 : kThreads;
    const int64_t row = int64_t{device::BlockX()} * norm.size;
    const int first = device::ThreadIndex() < thread_count ? device::ThreadIndex() : norm.size;
    float squares = 0;
    for (int i = first; i < norm.size; i += thread_count) {
      norm.residual[row + i] = device::Add(norm.residual[row + i], norm.partials[row + i]);
      squares = device::Fma(norm.residual[row + i], norm.residual[row + i], squares);
    }
    const float sum = arguments.fault == Fault::kMissingBarrier
                          ? SumWithoutBarrier(squares)
                          : device::BlockSum(squares, device::SharedMemory<Shared>().warp_sums);
    const float mean = device::Div(sum, static_cast<float>(norm.size));
    const float scale = device::Div(1, device::Sqrt(device::Add(mean, norm.epsilon)));
    for (int i = first; i < norm.size; i += thread_count) {
      const float scaled = device::Mul(norm.residual[row + i], scale);
      norm.output[row + i] = device::FloatToBf16(device::Mul(scaled, norm.weight[i]));
    }
  }
};

absl::Status LaunchWith(StreamView stream, const RmsNormArguments<float>& arguments, Fault fault) {
  return Launch<Kernel>(stream, {{arguments.row_count, 1, 1}, sizeof(Kernel::Shared)},
                        {arguments, fault});
}

}  // namespace

absl::Status LaunchFaultlessRmsNorm(StreamView stream, const RmsNormArguments<float>& arguments) {
  return LaunchWith(stream, arguments, Fault::kNone);
}

absl::Status LaunchRmsNormWithoutBarrier(StreamView stream,
                                         const RmsNormArguments<float>& arguments) {
  return LaunchWith(stream, arguments, Fault::kMissingBarrier);
}

absl::Status LaunchRmsNormByRowCount(StreamView stream, const RmsNormArguments<float>& arguments) {
  return LaunchWith(stream, arguments, Fault::kThreadsByRowCount);
}

}  // namespace chimera::testing
