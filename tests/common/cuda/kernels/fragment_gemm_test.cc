#include "common/cuda/kernels/fragment_gemm.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "common/cuda/emulation/emulator.h"
#include "common/cuda/kernels/fragment_gemm_reference.h"
#include "tests/common/cuda/kernels/faulty_fragment_gemm.h"
#include "tests/common/cuda/kernels/fragment_gemm_layer.h"
#include "tests/testing/sanitizers.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

using emulation::Emulator;
using emulation::TensorCoreModel;

constexpr std::array kModels = {TensorCoreModel::kHopper, TensorCoreModel::kAmpere,
                                TensorCoreModel::kSequential};

// What is tested: LaunchFragmentGemm(), one of its tiles, or a faulty kernel in its place.
using Launcher = std::function<absl::Status(StreamView, const FragmentGemmArguments&)>;

absl::Status LaunchChosenTile(StreamView stream, const FragmentGemmArguments& arguments) {
  return LaunchFragmentGemm(stream, arguments);
}

Launcher LaunchTile(FragmentGemmTile tile) {
  return [tile](StreamView stream, const FragmentGemmArguments& arguments) {
    return LaunchFragmentGemmWithTile(stream, arguments, tile);
  };
}

// The kernel's output, in which an element that it does not write is NaN.
std::vector<float> Multiply(const Launcher& launch, const LinearLayer& layer,
                            const std::vector<uint16_t>& input, Emulator* emulator) {
  const int row_count = static_cast<int>(input.size()) / layer.input_size;
  std::vector<float> output(
      FragmentGemmOutputElements(row_count, layer.output_size, layer.input_size),
      std::numeric_limits<float>::quiet_NaN());
  CHIMERA_EXPECT_OK(
      launch(StreamView(*emulator), {row_count, layer.output_size, layer.input_size, input.data(),
                                     layer.weights.data(), output.data()}));
  return output;
}

// The same with the splits added up, as consumers do: [row_count, output_size].
std::vector<float> MultiplyAndAdd(const Launcher& launch, const LinearLayer& layer,
                                  const std::vector<uint16_t>& input, Emulator* emulator) {
  const int row_count = static_cast<int>(input.size()) / layer.input_size;
  return AddSplits(Multiply(launch, layer, input, emulator),
                   FragmentGemmOutputSplits(row_count, layer.output_size, layer.input_size));
}

std::vector<uint16_t> Magnitudes(std::vector<uint16_t> bf16) {
  for (uint16_t& bits : bf16) bits &= 0x7fff;
  return bf16;
}

std::vector<float> Reference(const LinearLayer& layer, const std::vector<uint16_t>& input) {
  const int row_count = static_cast<int>(input.size()) / layer.input_size;
  std::vector<float> output(
      FragmentGemmOutputElements(row_count, layer.output_size, layer.input_size));
  FragmentGemmReference({row_count, layer.output_size, layer.input_size, input.data(),
                         layer.weights.data(), output.data()});
  return output;
}

// Shape: rows, output size, input size. Per step of 16 products, a tensor core may cut off 18 terms
// at 2^-24 of the largest, which is at most the sum of magnitudes, and twice what fp32 cannot hold:
// 22 u of that sum; then a rounding for each split.
void ExpectReference(const std::array<int, 3>& shape, Emulator* emulator) {
  const auto [row_count, output_size, input_size] = shape;
  SCOPED_TRACE(::testing::Message()
               << row_count << " rows, [" << output_size << ", " << input_size << "]");
  LinearLayer layer = RandomLayer(output_size, input_size, 1);
  const auto input = RandomInput(row_count, input_size, 2);
  const auto results = Multiply(&LaunchChosenTile, layer, input, emulator);
  const auto expected = Reference(layer, input);
  layer.weights = Magnitudes(layer.weights);
  const auto magnitudes = Reference(layer, Magnitudes(input));
  ASSERT_EQ(results.size(), expected.size());
  const int fragments = input_size / kFragmentSize;
  const double units = 22.0 * fragments + layer.Splits();
  for (size_t i = 0; i < results.size(); ++i) {
    ASSERT_NEAR(results[i], expected[i], units * 0x1p-24 * magnitudes[i]) << i;
  }
}

// Whether each of 130 rows has the same bits with all others, alone, and in another place among any
// smaller number of them.
bool RowsAreInvariant(const Launcher& launch, const LinearLayer& layer,
                      const std::vector<int>& row_counts, TensorCoreModel model) {
  constexpr int kRows = 130;
  Emulator emulator({.seed = 1, .tensor_core = model});
  const auto input = RandomInput(kRows, layer.input_size, 3);
  const auto results = MultiplyAndAdd(launch, layer, input, &emulator);
  bool is_invariant = true;
  for (const int count : row_counts) {
    std::vector<int> selected(count);
    for (int i = 0; i < count; ++i) selected[i] = (3 * count + 17 * i) % kRows;
    const auto others =
        MultiplyAndAdd(launch, layer, SelectRows(input, layer.input_size, selected), &emulator);
    is_invariant &= BitsAreEqual(others, SelectRows(results, layer.output_size, selected));
  }
  return is_invariant;
}

std::vector<int> AllRowCounts() {
  std::vector<int> counts;
  for (int count = 1; count <= kMaxFragmentPartialRows; count += kSanitized ? 21 : 1) {
    counts.push_back(count);
  }
  counts.insert(counts.end(), {65, 128});
  return counts;
}

TEST(CudaFragmentGemmTest, EqualsTheReference) {
  for (const TensorCoreModel model : kModels) {
    if (kSanitized && model != TensorCoreModel::kHopper) continue;
    Emulator emulator({.seed = 1, .tensor_core = model});
    for (const std::array<int, 3>& shape : std::vector<std::array<int, 3>>{{1, 16, 16},
                                                                           {2, 16, 272},
                                                                           {3, 48, 48},
                                                                           {7, 32, 256},
                                                                           {8, 144, 560},
                                                                           {9, 16, 2352},
                                                                           {15, 80, 112},
                                                                           {16, 272, 144},
                                                                           {17, 48, 1040},
                                                                           {31, 16, 320},
                                                                           {32, 16, 2352},
                                                                           {33, 144, 272},
                                                                           {63, 64, 160},
                                                                           {64, 48, 560},
                                                                           {65, 48, 560},
                                                                           {130, 16, 1296},
                                                                           {200, 144, 144},
                                                                           {256, 16, 64}}) {
      if (kSanitized && shape[0] * shape[1] > 5000) continue;
      ExpectReference(shape, &emulator);
    }
  }
}

TEST(CudaFragmentGemmTest, RowsDoNotDependOnOthers) {
  const LinearLayer layer = RandomLayer(16, 1296, 1);  // 8 splits of 10 or 11 steps
  for (const TensorCoreModel model : kModels) {
    if (kSanitized && model != TensorCoreModel::kAmpere) continue;
    EXPECT_TRUE(RowsAreInvariant(&LaunchChosenTile, layer, AllRowCounts(), model));
  }
}

TEST(CudaFragmentGemmTest, RowsDoNotDependOnOthersInOtherLayers) {
  for (const auto& [output_size, input_size] :
       std::vector<std::array<int, 2>>{{16, 2352}, {144, 304}, {48, 240}}) {
    const LinearLayer layer = RandomLayer(output_size, input_size, 1);
    for (const TensorCoreModel model : kModels) {
      if (kSanitized && model != TensorCoreModel::kSequential) continue;
      EXPECT_TRUE(RowsAreInvariant(&LaunchChosenTile, layer, {1, 8, 13, 29, 50, 66}, model));
    }
  }
}

// Every tile that takes a number of rows, whatever the kernel would choose.
TEST(CudaFragmentGemmTest, TilesAgree) {
  for (const TensorCoreModel model : kModels) {
    Emulator emulator({.seed = 2, .tensor_core = model});
    for (const auto& [output_size, input_size] :
         std::vector<std::array<int, 2>>{{16, 2352}, {48, 1040}, {80, 96}}) {
      if (kSanitized && output_size != 80) continue;
      const LinearLayer layer = RandomLayer(output_size, input_size, 1);
      const auto few = RandomInput(5, input_size, 4);
      const auto expected = Multiply(LaunchTile(FragmentGemmTile::kRows8), layer, few, &emulator);
      for (const auto tile : {FragmentGemmTile::kRows16, FragmentGemmTile::kRows32,
                              FragmentGemmTile::kRows64, FragmentGemmTile::kRows64Deep}) {
        EXPECT_TRUE(BitsAreEqual(Multiply(LaunchTile(tile), layer, few, &emulator), expected))
            << static_cast<int>(tile);
      }
      const auto many = RandomInput(130, input_size, 4);
      EXPECT_TRUE(
          BitsAreEqual(Multiply(LaunchTile(FragmentGemmTile::kSummed64), layer, many, &emulator),
                       Multiply(LaunchTile(FragmentGemmTile::kSummed128), layer, many, &emulator)));
    }
  }
}

TEST(CudaFragmentGemmTest, OrderOfThreadsDoesNotMatter) {
  const LinearLayer layer = RandomLayer(32, 2352, 1);  // several stages in each split
  for (const int row_count : {3, 40, 66}) {
    if (kSanitized && row_count != 3) continue;
    const auto input = RandomInput(row_count, layer.input_size, 5);
    const auto multiply = [&](uint64_t seed) {
      Emulator emulator({.seed = seed});
      return Multiply(&LaunchChosenTile, layer, input, &emulator);
    };
    const auto expected = multiply(0);
    for (uint64_t seed = 1; seed < 4; ++seed) EXPECT_TRUE(BitsAreEqual(multiply(seed), expected));
  }
}

TEST(CudaFragmentGemmTest, RowsThatAreNotNumbersHarmNoOther) {
  const LinearLayer layer = RandomLayer(16, 160, 1);
  Emulator emulator({.seed = 1});
  for (const int row_count : {8, 40, 66}) {
    auto input = RandomInput(row_count, layer.input_size, 6);
    auto expected = MultiplyAndAdd(&LaunchChosenTile, layer, input, &emulator);
    const auto row = [&](auto* matrix, int size) { return matrix->begin() + int64_t{5} * size; };
    std::fill_n(row(&input, layer.input_size), layer.input_size, uint16_t{0x7fc0});
    auto results = MultiplyAndAdd(&LaunchChosenTile, layer, input, &emulator);
    EXPECT_TRUE(std::isnan(*row(&results, layer.output_size)));
    std::fill_n(row(&results, layer.output_size), layer.output_size, 0.0f);
    std::fill_n(row(&expected, layer.output_size), layer.output_size, 0.0f);
    EXPECT_TRUE(BitsAreEqual(results, expected)) << row_count;
  }
}

TEST(CudaFragmentGemmTest, MayOverlapThePriorLaunch) {
  const LinearLayer layer = RandomLayer(32, 160, 1);
  Emulator emulator({.seed = 1});
  for (const int row_count : {2, 66}) {
    const auto input = RandomInput(row_count, layer.input_size, 7);
    const Launcher launch_early = [](StreamView stream, const FragmentGemmArguments& arguments) {
      return LaunchFragmentGemm(stream, arguments, LaunchOrder::kOverlapsPriorLaunch);
    };
    EXPECT_TRUE(BitsAreEqual(Multiply(launch_early, layer, input, &emulator),
                             Multiply(&LaunchChosenTile, layer, input, &emulator)));
  }
}

// The checks above notice what they are there for.
TEST(CudaFragmentGemmTest, FaultyKernelsAreCaught) {
  const LinearLayer layer = RandomLayer(16, 1296, 1);
  for (const TensorCoreModel model : kModels) {
    if (kSanitized && model != TensorCoreModel::kHopper) continue;
    const auto is_invariant = [&](const Launcher& launch, const std::vector<int>& row_counts) {
      return RowsAreInvariant(launch, layer, row_counts, model);
    };
    EXPECT_TRUE(is_invariant(&LaunchFaultlessFragmentGemm, {1, 16, 17, 64}));
    EXPECT_FALSE(is_invariant(&LaunchFragmentGemmSplitByRowCount, {1, 16}));
    EXPECT_FALSE(is_invariant(&LaunchFragmentGemmDescendingInOneTile, {33}));
    EXPECT_TRUE(is_invariant(&LaunchFragmentGemmDescendingInOneTile, {1, 32}));
    EXPECT_FALSE(is_invariant(&LaunchFragmentGemmSummedBackwards, {1}));
    EXPECT_TRUE(is_invariant(&LaunchFragmentGemmSummedBackwards, {65}));
  }
}

}  // namespace
}  // namespace chimera::testing
