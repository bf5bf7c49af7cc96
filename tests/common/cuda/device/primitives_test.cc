// The primitives but for arithmetic as the emulator runs them, through the kernels that GPUs run as
// well.

#include "common/cuda/device/primitives.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "common/base/float16.h"
#include "common/cuda/emulation/emulator.h"
#include "tests/common/cuda/device/primitive_kernels.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

using emulation::Emulator;
using emulation::TensorCoreModel;

TEST(PrimitivesTest, MmaIsTheMatrixProduct) {
  std::mt19937 random(1);
  std::array<uint16_t, 256> a;
  std::array<uint16_t, 128> b;
  std::array<float, 128> c;
  // Small whole numbers: every sum is exact, whatever the model.
  for (uint16_t& x : a) x = FloatToBf16(static_cast<float>(random() % 17) - 8);
  for (uint16_t& x : b) x = FloatToBf16(static_cast<float>(random() % 17) - 8);
  for (float& x : c) x = static_cast<float>(random() % 100);
  std::array<float, 128> expected = c;
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      for (int k = 0; k < 16; ++k) {
        expected[row * 8 + column] += Bf16ToFloat(a[row * 16 + k]) * Bf16ToFloat(b[k * 8 + column]);
      }
    }
  }
  for (const auto model :
       {TensorCoreModel::kHopper, TensorCoreModel::kAmpere, TensorCoreModel::kSequential}) {
    for (const auto loading :
         {MmaArguments::Loading::kMatrices, MmaArguments::Loading::kElements}) {
      Emulator emulator({.seed = 1, .tensor_core = model});
      std::array<float, 128> d = {};
      const MmaArguments arguments = {loading, a.data(), b.data(), c.data(), d.data()};
      CHIMERA_ASSERT_OK(LaunchMma(StreamView(emulator), arguments));
      EXPECT_EQ(d, expected);
    }
  }
}

TEST(PrimitivesTest, MmaComputesAsItsModel) {
  std::array<uint16_t, 256> a = {};
  std::array<uint16_t, 128> b = {};
  std::array<float, 128> c = {};
  std::array<float, 128> d = {};
  for (int k = 0; k < 16; ++k) {
    a[k] = FloatToBf16(0x1p-25f);
    b[k * 8] = FloatToBf16(1);
  }
  c[0] = 1;
  const auto first = [&](TensorCoreModel model) {
    Emulator emulator({.seed = 1, .tensor_core = model});
    const MmaArguments arguments = {MmaArguments::Loading::kMatrices, a.data(), b.data(), c.data(),
                                    d.data()};
    CHIMERA_EXPECT_OK(LaunchMma(StreamView(emulator), arguments));
    return d[0];
  };
  EXPECT_EQ(first(TensorCoreModel::kHopper), 1 + 0x1p-21f);
  EXPECT_EQ(first(TensorCoreModel::kAmpere), 1);
}

// PTX ISA, ldmatrix: lane 4 r + c gets elements 2 c and 2 c + 1 of row r of each matrix.
TEST(PrimitivesTest, LoadMatricesHasTheLayoutOfThePtxIsa) {
  std::array<uint16_t, 256> matrices;
  for (int i = 0; i < 256; ++i) matrices[i] = static_cast<uint16_t>(i);  // 64 m + 8 row + column
  std::vector<uint32_t> words(512);
  Emulator emulator({.seed = 1});
  CHIMERA_ASSERT_OK(LaunchLoadMatrices(StreamView(emulator), {matrices.data(), words.data()}));
  for (int lane = 0; lane < 32; ++lane) {
    const uint32_t row = lane / 4;
    const uint32_t column = lane % 4 * 2;
    for (uint32_t m = 0; m < 4; ++m) {
      const uint32_t plain = 64 * m + 8 * row + column;
      const uint32_t transposed = 64 * m + 8 * column + row;
      const uint32_t* word = &words[lane * 4 + m];
      EXPECT_EQ(word[0], (plain + 1) << 16 | plain);
      EXPECT_EQ(word[256], (transposed + 8) << 16 | transposed);
      if (m >= 2) continue;
      EXPECT_EQ(word[128], word[0]);
      EXPECT_EQ(word[384], word[256]);
    }
  }
}

TEST(PrimitivesTest, Shuffles) {
  std::array<uint32_t, 32> values;
  uint32_t votes = 0;
  for (uint32_t lane = 0; lane < 32; ++lane) {
    values[lane] = 1000 + lane * lane;
    votes |= (values[lane] & 1u) << lane;
  }
  std::array<uint32_t, 160> results;
  Emulator emulator({.seed = 1});
  CHIMERA_ASSERT_OK(LaunchShuffles(StreamView(emulator), {values.data(), results.data()}));
  for (int lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(results[lane], values[lane ^ 5]);
    EXPECT_EQ(results[32 + lane], values[(7 * lane + 3) % 32]);
    EXPECT_EQ(results[64 + lane], values[lane < 29 ? lane + 3 : lane]);
    EXPECT_EQ(results[96 + lane], votes);
    EXPECT_EQ(results[128 + lane], 1000u + 31 * 31);
  }
}

TEST(PrimitivesTest, AtomicsAndTheLastBlock) {
  using Results = std::array<uint64_t, 3>;
  std::mt19937_64 random(3);
  std::array<uint64_t, AtomicsArguments::kBlocks * AtomicsArguments::kThreads> values;
  Results expected = {};
  for (uint64_t& value : values) {
    value = random() & ~uint64_t{0xff000000};  // lower halves do not overflow
    expected[0] += value;
    expected[1] = std::max(expected[1], value);
    expected[2] += static_cast<uint32_t>(value);
  }
  for (uint64_t seed = 0; seed < 5; ++seed) {
    uint32_t arrivals = 0;
    Results results = {};
    Results copies = {};
    Emulator emulator({.seed = seed});
    CHIMERA_ASSERT_OK(LaunchAtomics(StreamView(emulator),
                                    {values.data(), &arrivals, results.data(), copies.data()}));
    EXPECT_EQ(results, expected);
    EXPECT_EQ(copies, expected);
  }
}

TEST(PrimitivesTest, WordsAndBarriers) {
  constexpr int kThreads = ReverseArguments::kThreads;
  alignas(16) std::array<uint32_t, kThreads * 4> source;
  alignas(16) std::array<uint32_t, kThreads* 4> wide = {};
  alignas(16) std::array<uint32_t, kThreads* 2> narrow = {};
  for (uint32_t i = 0; i < source.size(); ++i) source[i] = i;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    Emulator emulator({.seed = seed});
    CHIMERA_ASSERT_OK(
        LaunchReverse(StreamView(emulator), {source.data(), wide.data(), narrow.data()}));
    for (uint32_t thread = 0; thread < kThreads; ++thread) {
      for (uint32_t i = 0; i < 4; ++i) {
        EXPECT_EQ(wide[thread * 4 + i], (kThreads - 1 - thread) * 4 + i);
      }
      for (uint32_t i = 0; i < 2; ++i) EXPECT_EQ(narrow[thread * 2 + i], (thread ^ 63) * 4 + i);
    }
  }
}

TEST(PrimitivesTest, AsyncCopiesArriveInTheirGroups) {
  constexpr int kRow = AsyncSumArguments::kThreads * 4;
  std::mt19937 random(2);
  constexpr int kRows = 7;
  alignas(16) std::array<float, kRows * kRow> rows;
  std::array<float, kRow> sums;
  for (float& x : rows) x = static_cast<float>(random() % 1000);
  Emulator emulator({.seed = 1});
  CHIMERA_ASSERT_OK(
      LaunchAsyncSum(StreamView(emulator), {kRows, kRows + 3, rows.data(), sums.data()}));
  for (int i = 0; i < kRow; ++i) {
    float expected = 0;
    for (int row = 0; row < kRows; ++row) expected += rows[row * kRow + i];
    EXPECT_EQ(sums[i], expected);
  }
}

}  // namespace
}  // namespace chimera::testing
