#include "tests/common/cuda/gpu/tensor_core_check.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/float16.h"
#include "tests/common/cuda/device/primitive_kernels.h"
#include "tests/common/cuda/gpu/device_run.h"

namespace chimera::testing {
namespace {

using emulation::TensorCoreDot;
using emulation::TensorCoreModel;
using emulation::TensorCoreOperand;
using Operand = std::array<uint16_t, emulation::kTensorCoreDepth>;

// A number with a random sign and mantissa.
uint16_t Bf16OfExponent(int exponent, std::mt19937* random) {
  const auto field = static_cast<uint32_t>(std::clamp(exponent + 127, 0, 254));
  return static_cast<uint16_t>(field << 7 | ((*random)() & 0x807fu));
}

float FloatOfExponent(int exponent, std::mt19937* random) {
  const uint32_t high = Bf16OfExponent(exponent, random);
  const auto low = static_cast<uint32_t>((*random)() & 0xffffu);
  return std::bit_cast<float>(high << 16 | low);
}

int Between(int low, int high, std::mt19937* random) {
  return low + static_cast<int>((*random)() % static_cast<uint32_t>(high - low + 1));
}

// Fragments whose product number k has exponents around first[k] + second[k].
TensorCoreFragments OfExponents(const std::array<int, 16>& first, const std::array<int, 16>& second,
                                int accumulator, std::mt19937* random) {
  TensorCoreFragments fragments;
  for (int i = 0; i < 256; ++i) fragments.a[i] = Bf16OfExponent(first[i % 16], random);
  for (int i = 0; i < 128; ++i) fragments.b[i] = Bf16OfExponent(second[i / 8], random);
  for (float& c : fragments.c) c = FloatOfExponent(accumulator, random);
  return fragments;
}

// One term far above the others, which are where the last bits of the sum are.
TensorCoreFragments EdgeFragments(std::mt19937* random) {
  std::array<int, 16> first;
  std::array<int, 16> second = {};
  for (int& exponent : first) exponent = -Between(18, 30, random);
  int accumulator = -Between(18, 30, random);
  const int great = Between(0, 16, random);
  if (great == 16) {
    accumulator = 0;
  } else {
    first[great] = 0;
  }
  return OfExponents(first, second, accumulator, random);
}

// Terms in pairs that cancel but for what others add, in one group or across groups.
TensorCoreFragments CancellingFragments(std::mt19937* random) {
  std::array<int, 16> first;
  std::array<int, 16> second;
  for (int k = 0; k < 16; ++k) {
    first[k] = Between(-12, 0, random);
    second[k] = Between(-12, 0, random);
  }
  TensorCoreFragments fragments = OfExponents(first, second, Between(-26, 0, random), random);
  const int distance = (*random)() % 2 == 0 ? 1 : 8;
  for (int k = 0; k + distance < 16; k += 2 * distance) {
    for (int row = 0; row < 16; ++row) {
      fragments.a[row * 16 + k + distance] = fragments.a[row * 16 + k] ^ 0x8000u;
    }
    for (int column = 0; column < 8; ++column) {
      fragments.b[(k + distance) * 8 + column] = fragments.b[k * 8 + column];
    }
  }
  return fragments;
}

// Random fragments in which some elements are not ordinary numbers.
TensorCoreFragments SpecialFragments(std::mt19937* random) {
  constexpr uint16_t kSpecial[] = {0x0000, 0x8000, 0x7f80, 0xff80, 0x7fc1,
                                   0x0001, 0x807f, 0x7f7f, 0xff7f};
  TensorCoreFragments fragments = RandomFragments(random);
  // Few, so that most sums have one of them at most.
  for (int i = 0; i < 4; ++i) {
    fragments.a[(*random)() % 256] = kSpecial[(*random)() % std::size(kSpecial)];
    fragments.b[(*random)() % 128] = kSpecial[(*random)() % std::size(kSpecial)];
    const uint32_t high = kSpecial[(*random)() % std::size(kSpecial)];
    fragments.c[(*random)() % 128] = std::bit_cast<float>(high << 16);
  }
  return fragments;
}

Operand RowOfA(const TensorCoreFragments& fragments, int row) {
  Operand operand;
  for (int k = 0; k < 16; ++k) operand[k] = fragments.a[row * 16 + k];
  return operand;
}

Operand ColumnOfB(const TensorCoreFragments& fragments, int column) {
  Operand operand;
  for (int k = 0; k < 16; ++k) operand[k] = fragments.b[k * 8 + column];
  return operand;
}

std::string Describe(const Operand& a, const Operand& b, float c, uint32_t expected,
                     uint32_t actual) {
  std::string text = absl::StrFormat(
      "c %08x: expected %08x, is %08x; a b:", std::bit_cast<uint32_t>(c), expected, actual);
  for (size_t k = 0; k < a.size(); ++k) absl::StrAppendFormat(&text, " %04x*%04x", a[k], b[k]);
  return text;
}

void Compare(TensorCoreModel model, const TensorCoreFragments& fragments,
             std::span<const float> actual, TensorCoreMismatches* mismatches) {
  for (int i = 0; i < 128; ++i) {
    const Operand a = RowOfA(fragments, i / 8);
    const Operand b = ColumnOfB(fragments, i % 8);
    const float sum =
        TensorCoreDot(model, TensorCoreOperand(a), TensorCoreOperand(b), fragments.c[i]);
    const auto expected_bits = std::bit_cast<uint32_t>(sum);
    const auto bits = std::bit_cast<uint32_t>(actual[i]);
    if (bits == expected_bits) continue;
    if (mismatches->count++ == 0) {
      mismatches->first = Describe(a, b, fragments.c[i], expected_bits, bits);
    }
  }
}

}  // namespace

TensorCoreFragments RandomFragments(std::mt19937* random) {
  static constexpr int kRanges[][2] = {{-7, 3},     {-17, 13}, {-67, 63}, {-127, 127},
                                       {-127, -57}, {53, 127}, {-77, -61}};
  const auto& range = kRanges[(*random)() % std::size(kRanges)];
  TensorCoreFragments fragments;
  const auto exponent = [&] { return Between(range[0], range[1], random); };
  for (uint16_t& x : fragments.a) x = Bf16OfExponent(exponent(), random);
  for (uint16_t& x : fragments.b) x = Bf16OfExponent(exponent(), random);
  for (float& x : fragments.c) x = FloatOfExponent(exponent(), random);
  return fragments;
}

TensorCoreFragments AdversarialFragments(std::mt19937* random) {
  switch ((*random)() % 4) {
    case 0:
      return SpecialFragments(random);
    case 1:
      return CancellingFragments(random);
    default:
      return EdgeFragments(random);
  }
}

std::optional<TensorCoreModel> PublishedModel(const cuda::DeviceInfo& device) {
  switch (device.compute_capability_major) {
    case 8:
      return TensorCoreModel::kAmpere;
    case 9:
      return TensorCoreModel::kHopper;
    default:
      return std::nullopt;
  }
}

TensorCoreMismatches CompareTensorCores(TensorCoreModel model,
                                        const std::vector<TensorCoreFragments>& fragments) {
  std::vector<float> results(fragments.size() * 128, std::numeric_limits<float>::quiet_NaN());
  DeviceRun run;
  const TensorCoreFragments* const operands = run.Copy(fragments);
  float* const sums = run.CopyBothWays(results);
  for (size_t i = 0; i < fragments.size(); ++i) {
    // Addresses of the device, from which nothing is read here.
    const auto* const base = reinterpret_cast<const std::byte*>(operands + i);
    const MmaArguments arguments = {
        i % 2 == 0 ? MmaArguments::Loading::kMatrices : MmaArguments::Loading::kElements,
        reinterpret_cast<const uint16_t*>(base + offsetof(TensorCoreFragments, a)),
        reinterpret_cast<const uint16_t*>(base + offsetof(TensorCoreFragments, b)),
        reinterpret_cast<const float*>(base + offsetof(TensorCoreFragments, c)), sums + i * 128};
    CHIMERA_EXPECT_OK(LaunchMma(run.stream(), arguments));
  }
  run.Finish();
  TensorCoreMismatches mismatches;
  for (size_t i = 0; i < fragments.size(); ++i) {
    Compare(model, fragments[i], std::span(results).subspan(i * 128, 128), &mismatches);
  }
  return mismatches;
}

}  // namespace chimera::testing
