#include "common/cuda/kernels/tree_attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/base/float16.h"
#include "common/cuda/kernels/tree_attention_reference.h"
#include "tests/common/cuda/kernels/attention_step.h"
#include "tests/common/cuda/kernels/attention_trees.h"
#include "tests/testing/sanitizers.h"

namespace chimera::testing {
namespace {

using emulation::Emulator;

// The same step with the magnitudes of all values.
std::vector<double> SumsOfMagnitudes(const AttentionStep& step) {
  TreeAttentionArguments arguments = step.Arguments();
  std::vector<uint16_t> magnitudes;
  const auto* end = arguments.values + step.value_count();
  for (const uint16_t* value = arguments.values; value < end; ++value) {
    magnitudes.push_back(*value & 0x7fff);
  }
  arguments.values = magnitudes.data();
  return TreeAttentionReference(arguments, step.sequences(), step.row_count());
}

// Weights are rounded to bf16, which moves each by 2^-9 of itself at most, and their sum, too; the
// output is rounded once more. Scores are off by what roundings of fp32 make, far less.
void ExpectReference(AttentionStep* step, Emulator* emulator,
                     const AttentionRunOptions& options = {}) {
  const auto expected =
      TreeAttentionReference(step->Arguments(), step->sequences(), step->row_count());
  const auto magnitudes = SumsOfMagnitudes(*step);
  const auto rows = step->Run(emulator, options);
  for (const AttentionSequence& sequence : step->sequences()) {
    for (int row = sequence.first_row; row < sequence.first_row + sequence.row_count; ++row) {
      const std::vector<uint16_t>& output = rows[row].output;
      const int64_t first = static_cast<int64_t>(row * output.size());
      for (size_t i = 0; i < output.size(); ++i) {
        const double tolerance =
            0x1.1p-8 * magnitudes[first + i] + 0x1p-9 * std::abs(expected[first + i]);
        ASSERT_NEAR(Bf16ToFloat(output[i]), expected[first + i], tolerance)
            << "row " << row << " element " << i;
      }
    }
  }
}

void ExpectReferenceOfTree(const AttentionHeads& heads, int context_length, const TokenTree& tree) {
  SCOPED_TRACE(::testing::Message() << heads.head_count << " of " << heads.kv_head_count
                                    << " heads of " << heads.head_dim << ", context "
                                    << context_length << ", " << tree.size() << " nodes");
  Emulator emulator({.seed = static_cast<uint64_t>(context_length)});
  AttentionStep step(heads, context_length / 16 + 3, 1);
  step.AddTree(CommittedTokens(0, context_length), NodeTokens(context_length, tree), tree);
  ExpectReference(&step, &emulator);
}

void ExpectReferenceOfChunk(const AttentionHeads& heads, int context_length, int rows) {
  SCOPED_TRACE(::testing::Message()
               << heads.head_count << " of " << heads.kv_head_count << " heads of "
               << heads.head_dim << ", context " << context_length << ", " << rows << " rows");
  Emulator emulator({.seed = static_cast<uint64_t>(rows)});
  AttentionStep step(heads, (context_length + rows) / 16 + 3, 1);
  step.AddChunk(CommittedTokens(0, context_length), CommittedTokens(context_length, rows));
  ExpectReference(&step, &emulator);
}

TEST(CudaTreeAttentionTest, TreesEqualTheReference) {
  for (const int context_length : {0, 1, 14, 15, 16, 31, 47, 64, 79, 95, 143, 159, 200, 290}) {
    if (kSanitized && context_length % 5 != 0) continue;
    ExpectReferenceOfTree({.head_count = 3, .kv_head_count = 1}, context_length,
                          RandomTree(1 + context_length % 9, 1));
  }
  for (const int size : {1, 2, 7, 16, 17, 33, 64}) {
    if (kSanitized && size != 17) continue;
    ExpectReferenceOfTree({.head_count = 2, .kv_head_count = 2}, 40 + size, RandomTree(size, 2));
  }
  ExpectReferenceOfTree({}, 100, WideTree(40));
  ExpectReferenceOfTree({}, 100, ChainTree(16));
}

TEST(CudaTreeAttentionTest, HeadsEqualTheReference) {
  for (const int group : {1, 3, 4, 8}) {
    if (kSanitized && group != 3) continue;
    for (const int kv_heads : {1, 2}) {
      if (kSanitized && kv_heads != 2) continue;
      ExpectReferenceOfTree({group * kv_heads, kv_heads, 64}, 70, RandomTree(18, 3));
      ExpectReferenceOfTree({group * kv_heads, kv_heads, 128}, 70, RandomTree(6, 4));
    }
  }
  // Chunks of 256 positions.
  if (!kSanitized) ExpectReferenceOfTree({32, 32, 64}, 20, RandomTree(2, 5));
}

TEST(CudaTreeAttentionTest, ChunksEqualTheReference) {
  for (const int rows : {1, 5, 16, 33, 70, 130}) {
    if (kSanitized && rows != 33) continue;
    ExpectReferenceOfChunk({}, 0, rows);
    ExpectReferenceOfChunk({.head_count = 3, .kv_head_count = 1}, 61, rows);
  }
  ExpectReferenceOfChunk({2, 1, 128}, 150, 40);
}

TEST(CudaTreeAttentionTest, LongContextsEqualTheReference) {
  if (kSanitized) GTEST_SKIP() << "takes long, and is no other code than for short ones";
  ExpectReferenceOfTree({.head_count = 4, .kv_head_count = 1}, 3000, RandomTree(5, 6));
  ExpectReferenceOfChunk({}, 2980, 20);
}

TEST(CudaTreeAttentionTest, StepsOfManySequencesEqualTheReference) {
  Emulator emulator({.seed = 3});
  AttentionStep step({.head_count = 2, .kv_head_count = 1}, 100, 2);
  for (const int context_length : {170, 0, 33}) {
    const TokenTree tree = RandomTree(3 + context_length % 8, 7);
    step.AddTree(CommittedTokens(0, context_length), NodeTokens(context_length, tree), tree);
    step.AddPadding(1);
    step.AddMate(context_length, 1 + context_length % 4);
  }
  ExpectReference(&step, &emulator);
  ExpectReference(&step, &emulator, {.concurrent_blocks = 0});
  ExpectReference(&step, &emulator, {.block_count = 40});
}

}  // namespace
}  // namespace chimera::testing
