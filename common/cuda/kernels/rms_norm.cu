#include "common/base/check.h"
#include "common/cuda/device/block_sum.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/device/vector4.h"
#include "common/cuda/kernels/rms_norm.h"
#include "common/cuda/launch.h"

namespace chimera {
namespace {

using device::kVectorSize;
using device::Vector4;

// One block per row.
template <typename Residual>
struct RmsNormKernel {
  using Arguments = RmsNormArguments<Residual>;

  static constexpr int kThreads = 256;
  static constexpr int kBlocksPerMultiprocessor = 4;  // at most 64 registers
  static constexpr int kVectors = kMaxRmsNormSize / (kThreads * kVectorSize);  // of a thread

  struct Shared {
    float warp_sums[kThreads / kWarpSize];
  };

  // The first element of the calling thread's vector i.
  static CHIMERA_DEVICE int FirstElement(int i) {
    return (i * kThreads + device::ThreadIndex()) * kVectorSize;
  }

  // The new residual of the row, and the sum of its squares.
  static CHIMERA_DEVICE float AddPartials(const Arguments& arguments, Vector4 (&x)[kVectors]) {
    CHIMERA_UNROLL
    for (int i = 0; i < kVectors; ++i) x[i] = {};
    for (int split = 0; split < arguments.split_count; ++split) {
      const int64_t row = int64_t{split} * arguments.row_count + device::BlockX();
      const float* const partial = arguments.partials + row * arguments.size;
      CHIMERA_UNROLL
      for (int i = 0; i < kVectors; ++i) {
        if (FirstElement(i) >= arguments.size) continue;
        const Vector4 addend = device::LoadVector4(partial + FirstElement(i));
        CHIMERA_UNROLL
        for (int j = 0; j < kVectorSize; ++j) {
          x[i].value[j] = device::Add(x[i].value[j], addend.value[j]);
        }
      }
    }
    Residual* const residual = arguments.residual + int64_t{device::BlockX()} * arguments.size;
    float squares = 0.0f;
    CHIMERA_UNROLL
    for (int i = 0; i < kVectors; ++i) {
      if (FirstElement(i) >= arguments.size) continue;
      const Vector4 old = device::LoadVector4(residual + FirstElement(i));
      CHIMERA_UNROLL
      for (int j = 0; j < kVectorSize; ++j) {
        x[i].value[j] = device::Add(old.value[j], x[i].value[j]);
      }
      if (arguments.split_count > 0) {
        x[i] = device::StoreVector4(residual + FirstElement(i), x[i]);
      }
      CHIMERA_UNROLL
      for (int j = 0; j < kVectorSize; ++j) {
        squares = device::Fma(x[i].value[j], x[i].value[j], squares);
      }
    }
    return squares;
  }

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    device::WaitForPriorLaunch();
    Vector4 x[kVectors];
    const float own_squares = AddPartials(arguments, x);
    const float squares = device::BlockSum(own_squares, device::SharedMemory<Shared>().warp_sums);
    const float mean = device::Div(squares, static_cast<float>(arguments.size));
    const float scale = device::Div(1.0f, device::Sqrt(device::Add(mean, arguments.epsilon)));

    uint16_t* const output = arguments.output + int64_t{device::BlockX()} * arguments.size;
    CHIMERA_UNROLL
    for (int i = 0; i < kVectors; ++i) {
      if (FirstElement(i) >= arguments.size) continue;
      const Vector4 weight = device::LoadVector4(arguments.weight + FirstElement(i));
      CHIMERA_UNROLL
      for (int j = 0; j < kVectorSize; ++j) {
        x[i].value[j] = device::Mul(device::Mul(x[i].value[j], scale), weight.value[j]);
      }
      device::StoreVector4(output + FirstElement(i), x[i]);
    }
  }
};

template <typename Residual>
absl::Status LaunchOn(StreamView stream, const RmsNormArguments<Residual>& arguments,
                      LaunchOrder order) {
  CHIMERA_CHECK(arguments.row_count > 0 && arguments.split_count >= 0);
  CHIMERA_CHECK(arguments.size > 0 && arguments.size % kVectorSize == 0 &&
                arguments.size <= kMaxRmsNormSize)
      << "rows of " << arguments.size << " elements";
  using Kernel = RmsNormKernel<Residual>;
  const LaunchShape shape = {{arguments.row_count, 1, 1}, sizeof(typename Kernel::Shared), order};
  return Launch<Kernel>(stream, shape, arguments);
}

}  // namespace

absl::Status LaunchRmsNorm(StreamView stream, const RmsNormArguments<float>& arguments,
                           LaunchOrder order) {
  return LaunchOn(stream, arguments, order);
}

absl::Status LaunchRmsNorm(StreamView stream, const RmsNormArguments<uint16_t>& arguments,
                           LaunchOrder order) {
  return LaunchOn(stream, arguments, order);
}

}  // namespace chimera
