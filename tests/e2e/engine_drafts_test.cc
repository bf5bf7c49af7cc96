// The engine with a drafter, without a link between them.

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "tests/e2e/draft_models.h"
#include "tests/e2e/local_draft_source.h"
#include "tests/verifier/engine/engine_fixture.h"

namespace chimera::testing {
namespace {

class EngineDraftsTest : public EngineFixture {
 protected:
  // Drafts what the request is answered with.
  TrueContinuationDraftModel KnowsReply(const GenerationRequest& request,
                                        const Reply& plain) const {
    std::vector<int32_t> sequence = request.prompt;
    sequence.insert(sequence.end(), plain.tokens.begin(), plain.tokens.end());
    return TrueContinuationDraftModel({{request.sampling.seed, std::move(sequence)}},
                                      model_->config().vocab_size);
  }
};

TEST_F(EngineDraftsTest, FillsTheContextToItsLastPosition) {
  GenerationRequest request = MakeLongRequest(2, 1);
  request.stop.max_tokens = kContextLength - static_cast<int32_t>(request.prompt.size());
  const Reply plain = Plain(request);
  EXPECT_EQ(plain.tokens.size(), static_cast<size_t>(request.stop.max_tokens));
  RandomTreeDraftModel model(model_->config().vocab_size, 5);
  LocalDraftSource source(&model, model_->config().hidden_size);
  const auto sink = std::make_shared<CollectingSink>();
  const std::unique_ptr<Engine> engine = MakeEngine({&source});
  CHIMERA_ASSERT_OK(engine->Submit(request, sink));
  CHIMERA_EXPECT_OK(sink->Wait());
  EXPECT_EQ(MakeReply(*sink), plain);
}

TEST_F(EngineDraftsTest, ADrafterThatComesAndGoesChangesNothingButSpeed) {
  const GenerationRequest request = MakeLongRequest(4, 120);
  const Reply plain = Plain(request);
  TrueContinuationDraftModel model = KnowsReply(request, plain);
  LocalDraftSource source(&model, model_->config().hidden_size);
  int calls = 0;
  int64_t used_at_reconnect = 0;
  // Called on the engine's thread, like the source.
  const auto sink = std::make_shared<CollectingSink>([&] {
    ++calls;
    if (calls == 4) source.Disconnect();
    if (calls == 8) {
      used_at_reconnect = source.used();
      source.Connect();
    }
    if (calls == 12) source.DelayReply(3);
  });
  const std::unique_ptr<Engine> engine = MakeEngine({&source});
  CHIMERA_ASSERT_OK(engine->Submit(request, sink));
  CHIMERA_ASSERT_OK(sink->Wait());
  EXPECT_EQ(MakeReply(*sink), plain);
  EXPECT_GT(source.used(), used_at_reconnect + 3) << "drafting did not resume";
  EXPECT_EQ(source.discarded(), 1) << "no reply was late";
}

TEST_F(EngineDraftsTest, OneGroupIsVerifiedWhileTheOtherAwaitsItsDrafts) {
  RandomTreeDraftModel model(model_->config().vocab_size, 5);
  for (const int groups : {1, 2}) {
    LocalDraftSource source(&model, model_->config().hidden_size);
    EngineConfig config = MakeConfig();
    config.step_groups = groups;
    const std::unique_ptr<Engine> engine = MakeEngine({&source}, config);
    std::vector<std::shared_ptr<CollectingSink>> sinks;
    for (int i = 0; i < 4; ++i) {
      sinks.push_back(std::make_shared<CollectingSink>());
      CHIMERA_ASSERT_OK(engine->Submit(MakeLongRequest(i, 100), sinks.back()));
    }
    for (const auto& sink : sinks) CHIMERA_ASSERT_OK(sink->Wait());
    if (groups == 1) {
      EXPECT_EQ(source.overlaps(), 0);
    } else {
      EXPECT_GT(source.overlaps(), 100);
    }
    // But for the last one of each, and for those of sequences that changed groups.
    EXPECT_LT(source.discarded(), 12);
  }
}

TEST_F(EngineDraftsTest, TrueContinuationsAreAcceptedToTheirFullDepth) {
  constexpr int32_t kDepth = 7;
  GenerationRequest request = MakeLongRequest(4, 161);
  const Reply plain = Plain(request);
  TrueContinuationDraftModel model = KnowsReply(request, plain);
  LocalDraftSource source(&model, model_->config().hidden_size);
  request.speculation.max_nodes = kDepth;
  request.speculation.max_depth = kDepth;
  const auto sink = std::make_shared<CollectingSink>();
  const std::unique_ptr<Engine> engine = MakeEngine({&source});
  CHIMERA_ASSERT_OK(engine->Submit(request, sink));
  CHIMERA_ASSERT_OK(sink->Wait());
  EXPECT_EQ(MakeReply(*sink), plain);
  EXPECT_EQ(sink->result().steps, 160 / (kDepth + 1));
}

}  // namespace
}  // namespace chimera::testing
