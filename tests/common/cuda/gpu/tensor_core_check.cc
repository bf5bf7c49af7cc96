#include "tests/common/cuda/gpu/tensor_core_check.h"

#include <bit>
#include <cstddef>
#include <limits>
#include <span>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/common/cuda/device/primitive_kernels.h"
#include "tests/common/cuda/gpu/device_run.h"

namespace chimera::testing {
namespace {

using emulation::TensorCoreDot;
using emulation::TensorCoreModel;
using emulation::TensorCoreOperand;
using Operand = std::array<uint16_t, emulation::kTensorCoreDepth>;

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

// Adds to `mismatches` those of one fragment.
void Compare(TensorCoreModel model, const TensorCoreFragments& fragments,
             std::span<const float> actual, TensorCoreMismatches* mismatches) {
  constexpr size_t kMostExamples = 5;
  bool has_example = false;
  for (int i = 0; i < 128; ++i) {
    const Operand a = RowOfA(fragments, i / 8);
    const Operand b = ColumnOfB(fragments, i % 8);
    const float sum =
        TensorCoreDot(model, TensorCoreOperand(a), TensorCoreOperand(b), fragments.c[i]);
    const auto expected_bits = std::bit_cast<uint32_t>(sum);
    const auto bits = std::bit_cast<uint32_t>(actual[i]);
    if (bits == expected_bits) continue;
    ++mismatches->count;
    if (has_example || mismatches->examples.size() == kMostExamples) continue;
    has_example = true;
    mismatches->examples.push_back(Describe(a, b, fragments.c[i], expected_bits, bits));
  }
}

}  // namespace

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
