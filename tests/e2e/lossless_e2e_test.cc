// A small part of the grid, quick enough for every run.

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "tests/e2e/lossless_grid.h"
#include "tests/e2e/malformed_drafter.h"
#include "tests/e2e/trained_drafter.h"

namespace chimera::testing {
namespace {

class LosslessE2eTest : public LosslessGrid {
 protected:
  void SetUp() override {
    LosslessGrid::SetUp();
    MakeGolden({.prompts = 4, .cells = {{1, 16}, {8, 16, /*few_pages=*/true, /*disturbed=*/true}}});
  }
};

TEST_F(LosslessE2eTest, NgramDrafter) {
  StartDrafter(nullptr);
  ExpectLossless();
}

TEST_F(LosslessE2eTest, TrainedDrafter) {
  std::unique_ptr<DraftModel> drafter = MakeTrainedDrafter(model_);
  if (drafter == nullptr) GTEST_SKIP() << "no drafter for this model";
  StartDrafter(std::move(drafter));
  ExpectLossless();
  EXPECT_GT(evidence_.draft_nodes, 500);
}

TEST_F(LosslessE2eTest, RandomTrees) {
  StartDrafter(std::make_unique<RandomTreeDraftModel>(model_->config().vocab_size, 5));
  ExpectLossless();
  EXPECT_GT(evidence_.draft_nodes, 500);
}

TEST_F(LosslessE2eTest, TrueContinuation) {
  StartDrafter(
      std::make_unique<TrueContinuationDraftModel>(GoldenSequences(), model_->config().vocab_size));
  ExpectLossless();
  EXPECT_GE(static_cast<double>(evidence_.full_tokens),
            0.95 * (kDepth + 1) * static_cast<double>(evidence_.full_steps));
}

TEST_F(LosslessE2eTest, MalformedMessages) {
  const ScriptedDrafter drafter(DrafterAddress(), MalformedDrafter(*model_));
  ExpectLossless();
  EXPECT_EQ(evidence_.draft_nodes, 0);
  EXPECT_GT(ServerInfo().drafters(0).drafts_discarded(), 100);
}

}  // namespace
}  // namespace chimera::testing
