// A drafter's life and death cost speed, never a request.

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "common/model/default_model_path.h"
#include "tests/e2e/draft_models.h"
#include "tests/e2e/drafter_faults.h"

namespace chimera::testing {
namespace {

class DrafterLifeTest : public DrafterFaults {
 protected:
  void SetUp() override { MakeGolden({.model_path = DefaultModelPath(), .streams = 8}); }

  // Asks all, and returns how many nodes were drafted for them.
  int64_t DraftedNodes() {
    int64_t nodes = 0;
    for (const ClientReply& reply : ExpectGolden()) {
      nodes += reply.complete.speculation().draft_nodes();
    }
    return nodes;
  }
};

TEST_F(DrafterLifeTest, StartedLateStoppedAndStartedAgain) {
  StartVerifier(MakeConfig(Drafters::kOne));
  EXPECT_EQ(DraftedNodes(), 0);
  for (int64_t connects = 1; connects <= 2; ++connects) {
    StartDrafter(std::make_unique<RandomTreeDraftModel>(model_->config().vocab_size, 6));
    ASSERT_TRUE(DrafterIsReady());
    EXPECT_EQ(ServerInfo().drafters(0).connects(), connects);
    EXPECT_GT(DraftedNodes(), 0);
    StopDrafter();
    ExpectGolden();
  }
}

TEST_F(DrafterLifeTest, KilledAtRandomMoments) { KillDrafter(20); }

}  // namespace
}  // namespace chimera::testing
