// The whole grid: 100 prompts, four ways to sample, five drafters, two concurrencies, three sizes
// of prefill chunks, with pages enough and too few, with and without clients that leave. Takes more
// than an hour on two cores.

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "tests/e2e/lossless_grid.h"
#include "tests/e2e/malformed_drafter.h"
#include "tests/e2e/trained_drafter.h"

namespace chimera::testing {
namespace {

class LosslessLongTest : public LosslessGrid {
 protected:
  void SetUp() override {
    LosslessGrid::SetUp();
    MakeGolden({.prompts = 100,
                .cells = {{1, 16},
                          {1, 64},
                          {1, 512},
                          {8, 16, /*few_pages=*/true, /*disturbed=*/true},
                          {8, 64, /*few_pages=*/true},
                          {8, 512, /*few_pages=*/false, /*disturbed=*/true}}});
  }

  void TearDown() override {
    EXPECT_GT(evidence_.preemptions, 0);
    EXPECT_GT(evidence_.prefix_hit_tokens, 0);
    EXPECT_GT(evidence_.canary_replays, 0);
  }
};

TEST_F(LosslessLongTest, NgramDrafter) {
  StartDrafter(nullptr);
  ExpectLossless();
  EXPECT_GT(evidence_.draft_nodes, 1000);
}

TEST_F(LosslessLongTest, TrainedDrafter) {
  std::unique_ptr<DraftModel> drafter = MakeTrainedDrafter(model_);
  if (drafter == nullptr) GTEST_SKIP() << "no drafter for this model";
  StartDrafter(std::move(drafter));
  ExpectLossless();
  EXPECT_GT(evidence_.draft_nodes, 50000);
}

TEST_F(LosslessLongTest, RandomTrees) {
  StartDrafter(std::make_unique<RandomTreeDraftModel>(model_->config().vocab_size, 5));
  ExpectLossless();
  EXPECT_GT(evidence_.draft_nodes, 100000);
}

TEST_F(LosslessLongTest, TrueContinuation) {
  StartDrafter(
      std::make_unique<TrueContinuationDraftModel>(GoldenSequences(), model_->config().vocab_size));
  ExpectLossless();
  EXPECT_GE(static_cast<double>(evidence_.full_tokens),
            0.95 * (kDepth + 1) * static_cast<double>(evidence_.full_steps));
  EXPECT_GT(evidence_.eos_inside_path, 0);
  EXPECT_GT(evidence_.stop_string_inside_path, 0);
  EXPECT_GT(evidence_.max_tokens_inside_path, 0);
}

TEST_F(LosslessLongTest, MalformedMessages) {
  const ScriptedDrafter drafter(DrafterAddress(), MalformedDrafter(*model_));
  ExpectLossless();
  EXPECT_EQ(evidence_.draft_nodes, 0);
  EXPECT_GT(ServerInfo().drafters(0).drafts_discarded(), 1000);
  EXPECT_GT(drafter.streams(), 10);
}

}  // namespace
}  // namespace chimera::testing
