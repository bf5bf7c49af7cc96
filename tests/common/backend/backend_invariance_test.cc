// A row's bits do not depend on what it is computed with, nor from which pages.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "tests/common/backend/backend_harness.h"
#include "tests/common/backend/backend_kind.h"

namespace chimera {
namespace {

using namespace ::chimera::testing;  // NOLINT: the harness

const SamplingParams kSampled = {.temperature = 1.0f, .seed = 77};

class BackendInvarianceTest : public BackendTest {
 protected:
  BackendInvarianceTest() : BackendTest({.head_dim = 64, .seed = 5}) {}

  int32_t vocab_size() const { return model_->config().vocab_size; }

  std::mt19937 random_{21};
};

TEST_P(BackendInvarianceTest, ChunkSizesGiveEqualPagesAndLogits) {
  const std::vector<int32_t> tokens = RandomTokens(150, vocab_size(), &random_);
  const std::vector<int32_t> pages = PageTable(10);
  const auto whole = MakeBackend(*model_);
  const StepResult expected = Prefill(whole.get(), pages, tokens, 150);
  for (const int chunk_size : {1, 3, 16, 64}) {
    const auto backend = MakeBackend(*model_);
    const StepResult actual = Prefill(backend.get(), pages, tokens, chunk_size);
    EXPECT_EQ(actual.logits, expected.logits) << chunk_size;
    for (const int32_t page : pages) {
      EXPECT_EQ(backend->CopyPage(page), whole->CopyPage(page)) << chunk_size << ": " << page;
    }
  }
}

TEST_P(BackendInvarianceTest, PagesMayLieAnywhere) {
  const std::vector<int32_t> tokens = RandomTokens(70, vocab_size(), &random_);
  const auto backend = MakeBackend(*model_);
  const StepResult expected = Prefill(backend.get(), PageTable(5), tokens, 16);
  const std::vector<int32_t> scattered = {63, 9, 41, 5, 17};
  const StepResult actual = Prefill(backend.get(), scattered, tokens, 16);
  EXPECT_EQ(actual.logits, expected.logits);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(backend->CopyPage(scattered[i]), backend->CopyPage(i)) << i;
  }
}

TEST_P(BackendInvarianceTest, UnusedPageContentsDoNotMatter) {
  const std::vector<int32_t> tokens = RandomTokens(20, vocab_size(), &random_);
  const auto backend = MakeBackend(*model_);
  const StepResult expected = Prefill(backend.get(), PageTable(2), tokens, 20);
  // The second page is full of another sequence's K/V now.
  Prefill(backend.get(), PageTable(2), RandomTokens(32, vocab_size(), &random_), 32);
  EXPECT_EQ(Prefill(backend.get(), PageTable(2), tokens, 20).logits, expected.logits);
}

// A sequence of a mixed batch: its context is in pages of its own.
struct Member {
  int32_t slot;
  int32_t context_length;
  std::vector<int32_t> pages;
  std::vector<int32_t> chunk = {};  // or
  std::optional<TokenTree> tree = {};

  SequenceStep step() const {
    return {.slot = slot,
            .pages = pages,
            .context_length = context_length,
            .chunk = chunk,
            .tree = tree ? &*tree : nullptr,
            .sampling = kSampled,
            .outputs = {.logits = true, .hidden_states = true}};
  }
};

TEST_P(BackendInvarianceTest, BatchMatesDoNotMatter) {
  const auto backend = MakeBackend(*model_);
  const std::vector<int32_t> taps = {1};
  for (int round = 0; round < Rounds(12, 3); ++round) {
    std::vector<Member> members;
    for (int32_t slot = 0; slot < 4; ++slot) {
      Member member = {.slot = slot,
                       .context_length = static_cast<int32_t>(random_() % 40),
                       .pages = PageTable(8, 8 * slot)};
      const std::vector<int32_t> context =
          RandomTokens(member.context_length, vocab_size(), &random_);
      Prefill(backend.get(), member.pages, context, 16);
      const int rows = 1 + static_cast<int>(random_() % 20);
      if (random_() % 2 == 0) {
        member.tree = RandomTree(rows, 7, vocab_size(), &random_);
      } else {
        member.chunk = RandomTokens(rows, vocab_size(), &random_);
      }
      members.push_back(std::move(member));
    }
    std::vector<StepResult> alone;
    std::vector<SequenceStep> steps;
    for (const Member& member : members) {
      steps.push_back(member.step());
      alone.push_back(RunStep(backend.get(),
                              {.sequences = std::span(&steps.back(), 1), .tapped_layers = taps}));
    }
    std::rotate(steps.begin(), steps.begin() + round % 4, steps.end());
    std::rotate(alone.begin(), alone.begin() + round % 4, alone.end());
    const StepResult together = RunStep(backend.get(), {.sequences = steps, .tapped_layers = taps});
    StepResult joined;  // what each had alone, put together
    for (const StepResult& one : alone) {
      joined.first_row.push_back(static_cast<int32_t>(joined.chosen.size()));
      const auto append = [](auto* to, const auto& from) {
        to->insert(to->end(), from.begin(), from.end());
      };
      append(&joined.chosen, one.chosen);
      append(&joined.logits, one.logits);
      append(&joined.hidden_states, one.hidden_states);
    }
    EXPECT_EQ(together.first_row, joined.first_row);
    EXPECT_EQ(together.chosen, joined.chosen);
    EXPECT_EQ(together.logits, joined.logits);
    EXPECT_EQ(together.hidden_states, joined.hidden_states);
  }
}

TEST_P(BackendInvarianceTest, OutputsAreFilledOnlyWhereAskedFor) {
  const auto backend = MakeBackend(*model_);
  const std::vector<int32_t> pages_a = PageTable(1, 0), pages_b = PageTable(1, 1);
  const std::vector<int32_t> chunk = {1, 2, 3};
  const TokenTree tree = RandomTree(2, 7, vocab_size(), &random_);
  const SequenceStep steps[] = {
      {.slot = 0, .pages = pages_a, .chunk = chunk, .outputs = {.hidden_states = true}},
      {.slot = 1, .pages = pages_b, .tree = &tree, .outputs = {.logits = true}}};
  const std::vector<int32_t> taps = {0, 2};
  const StepResult result = RunStep(backend.get(), {.sequences = steps, .tapped_layers = taps});
  EXPECT_EQ(result.first_row, (std::vector<int32_t>{0, 3}));
  EXPECT_EQ(result.logits_row, (std::vector<int32_t>{-1, -1, -1, 0, 1}));
  EXPECT_EQ(result.logits.size(), 2u * vocab_size());
  EXPECT_EQ(result.chosen[0], -1);
  EXPECT_EQ(result.chosen[1], -1);
  for (int row = 2; row < 5; ++row) EXPECT_GE(result.chosen[row], 0);
  const size_t row_size = taps.size() * model_->config().hidden_size;
  ASSERT_EQ(result.hidden_states.size(), 5 * row_size);
  const auto begin = result.hidden_states.begin();
  const auto is_zero = [](uint16_t bits) { return bits == 0; };
  EXPECT_FALSE(std::all_of(begin, begin + row_size, is_zero));
  EXPECT_TRUE(std::all_of(begin + 3 * row_size, result.hidden_states.end(), is_zero));
}

TEST_P(BackendInvarianceTest, AnEmptyBatchIsAStep) {
  const auto backend = MakeBackend(*model_);
  EXPECT_TRUE(RunStep(backend.get(), StepBatch{}).chosen.empty());
  // Also after one that left results.
  const std::vector<int32_t> pages = PageTable(1), chunk = {1, 2, 3}, taps = {1};
  const SequenceStep step = {
      .pages = pages, .chunk = chunk, .outputs = {.logits = true, .hidden_states = true}};
  RunStep(backend.get(), {.sequences = std::span(&step, 1), .tapped_layers = taps});
  const StepResult result = RunStep(backend.get(), {.tapped_layers = taps});
  EXPECT_TRUE(result.chosen.empty());
  EXPECT_TRUE(result.hidden_states.empty());
  EXPECT_TRUE(result.logits.empty());
}

INSTANTIATE_TEST_SUITE_P(Kinds, BackendInvarianceTest, ::testing::ValuesIn(BackendKinds()),
                         BackendKindName);

}  // namespace
}  // namespace chimera
