// Arithmetic on the device has the bits of the processor's.

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "common/cuda/device/primitives.h"
#include "tests/common/cuda/device/primitive_kernels.h"
#include "tests/common/cuda/gpu/device_run.h"
#include "tests/testing/gpu.h"

namespace chimera::testing {
namespace {

using Operation = ArithmeticArguments::Operation;

float FromBits(uint32_t bits) { return std::bit_cast<float>(bits); }

// What the processor makes of it.
uint32_t Expected(int operation, float a, float b, float c) {
  switch (operation) {
    case Operation::kAdd:
      return std::bit_cast<uint32_t>(device::Add(a, b));
    case Operation::kSub:
      return std::bit_cast<uint32_t>(device::Sub(a, b));
    case Operation::kMul:
      return std::bit_cast<uint32_t>(device::Mul(a, b));
    case Operation::kDiv:
      return std::bit_cast<uint32_t>(device::Div(a, b));
    case Operation::kFma:
      return std::bit_cast<uint32_t>(device::Fma(a, b, c));
    case Operation::kSqrt:
      return std::bit_cast<uint32_t>(device::Sqrt(a));
    case Operation::kMax:
      return std::bit_cast<uint32_t>(device::Max(a, b));
    case Operation::kExp2:
      return std::bit_cast<uint32_t>(device::Exp2(b));
    case Operation::kLog:
      return std::bit_cast<uint32_t>(device::Log(a));
    case Operation::kToBf16:
      return device::FloatToBf16(a);
    case Operation::kFromBf16:
      return std::bit_cast<uint32_t>(
          device::Bf16ToFloat(static_cast<uint16_t>(std::bit_cast<uint32_t>(a) >> 16)));
    case Operation::kPack:
      return device::PackBf16(a, b);
    default:
      return 0;
  }
}

// NaN of all kinds count as equal where the result is a float.
bool Agree(int operation, uint32_t actual, uint32_t expected) {
  const bool is_float = operation != Operation::kToBf16 && operation != Operation::kPack;
  return actual == expected ||
         (is_float && std::isnan(FromBits(actual)) && std::isnan(FromBits(expected)));
}

// Any bits at all, and numbers of usual size.
std::vector<float> RandomFloats(int count, std::mt19937* random) {
  std::normal_distribution<float> normal;
  std::vector<float> floats(count);
  for (int i = 0; i < count; ++i) floats[i] = i % 2 == 0 ? FromBits((*random)()) : normal(*random);
  return floats;
}

TEST(GpuArithmeticTest, HasTheBitsOfTheProcessor) {
  CHIMERA_SKIP_WITHOUT_GPU();
  std::mt19937 random(1);
  const int count = DeviceIsEmulated() ? 1 << 12 : 1 << 20;
  const std::vector<float> a = RandomFloats(count, &random);
  const std::vector<float> b = RandomFloats(count, &random);
  const std::vector<float> c = RandomFloats(count, &random);
  std::vector<uint32_t> results(ArithmeticArguments::kOperations * a.size());
  DeviceRun run;
  CHIMERA_ASSERT_OK(LaunchArithmetic(
      run.stream(), {count, run.Copy(a), run.Copy(b), run.Copy(c), run.CopyBothWays(results)}));
  run.Finish();
  for (int operation = 0; operation < Operation::kUnpack; ++operation) {
    for (int i = 0; i < count; ++i) {
      const uint32_t actual = results[int64_t{operation} * count + i];
      const uint32_t expected = Expected(operation, a[i], b[i], c[i]);
      ASSERT_TRUE(Agree(operation, actual, expected))
          << "operation " << operation << " of " << std::hexfloat << a[i] << " " << b[i] << " "
          << c[i] << ": " << std::hex << actual << ", not " << expected;
    }
  }
}

}  // namespace
}  // namespace chimera::testing
