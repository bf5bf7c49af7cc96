// Drafts are asked for as long as they pay, whatever becomes of the drafter. Time is the test's:
// steps of the target and drafts take as long as it says.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "tests/e2e/draft_models.h"
#include "tests/e2e/local_draft_source.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/slow_backend.h"
#include "tests/verifier/engine/engine_fixture.h"

namespace chimera::testing {
namespace {

using std::chrono::microseconds;

// Another model that can take its time.
class SlowDraftModel final : public ForwardingDraftModel {
 public:
  SlowDraftModel(DraftModel* model, FakeClock* clock)
      : ForwardingDraftModel(model), clock_(clock) {}

  absl::StatusOr<std::vector<ProposedTree>> Draft(std::span<const DraftInput> inputs) override {
    for (const DraftInput& input : inputs) trees_ += input.node_budget > 0 ? 1 : 0;
    clock_->Advance(delay + std::exchange(hiccup, microseconds(0)));
    return ForwardingDraftModel::Draft(inputs);
  }

  // Trees that were asked for since the last call.
  int TakeTrees() { return std::exchange(trees_, 0); }

  microseconds delay{0};
  microseconds hiccup{0};  // of the next call only

 private:
  FakeClock* const clock_;
  int trees_ = 0;
};

class DraftingPaysTest : public EngineFixture {
 protected:
  static constexpr int32_t kTokens = 150;
  // But for the steps that show how fast it is without.
  static constexpr double kAlwaysAsked = 0.93;

  void SetUp() override {
    EngineFixture::SetUp();
    KnownSequences known;
    for (int i = 0; i < 4; ++i) {
      requests_.push_back(MakeLongRequest(i, kTokens));
      plain_.push_back(Plain(requests_[i]));
      std::vector<int32_t> sequence = requests_[i].prompt;
      sequence.insert(sequence.end(), plain_[i].tokens.begin(), plain_[i].tokens.end());
      known[requests_[i].sampling.seed] = std::move(sequence);
    }
    const int32_t vocab_size = model_->config().vocab_size;
    good_ = std::make_unique<TrueContinuationDraftModel>(std::move(known), vocab_size);
    auto backend =
        std::make_unique<SlowBackend>(std::move(backend_), microseconds(300), &fake_clock_);
    slow_backend_ = backend.get();
    backend_ = std::move(backend);
    clock_ = &fake_clock_;
    bad_ = std::make_unique<RandomTreeDraftModel>(vocab_size, 1);
  }

  void StartEngine(DraftModel* model) {
    model_of_drafter_ = std::make_unique<SlowDraftModel>(model, &fake_clock_);
    source_ =
        std::make_unique<LocalDraftSource>(model_of_drafter_.get(), model_->config().hidden_size);
    EngineConfig config = MakeConfig();
    config.planning = NodePlanning::kByStepTime;
    engine_ = MakeEngine({source_.get()}, config);
  }

  struct Course {
    double asked_share = 0;  // of steps, for which a draft was asked for
    double tokens_per_step = 0;
  };

  // Decodes until `steps` steps are done, one request after the other.
  Course Decode(int steps) {
    model_of_drafter_->TakeTrees();
    int done = 0;
    int tokens = 0;
    while (done < steps) {
      const size_t i = next_++ % requests_.size();
      const auto sink = std::make_shared<CollectingSink>();
      CHIMERA_EXPECT_OK(engine_->Submit(requests_[i], sink));
      CHIMERA_EXPECT_OK(sink->Wait());
      EXPECT_EQ(MakeReply(*sink), plain_[i]);
      done += sink->result().steps;
      tokens += sink->result().completion_tokens;
    }
    return {.asked_share = static_cast<double>(model_of_drafter_->TakeTrees()) / done,
            .tokens_per_step = static_cast<double>(tokens) / done};
  }

  FakeClock fake_clock_;
  std::vector<GenerationRequest> requests_;
  std::vector<Reply> plain_;
  size_t next_ = 0;
  std::unique_ptr<DraftModel> good_;
  std::unique_ptr<DraftModel> bad_;
  SlowBackend* slow_backend_ = nullptr;
  std::unique_ptr<SlowDraftModel> model_of_drafter_;
  std::unique_ptr<LocalDraftSource> source_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(DraftingPaysTest, AGoodDrafterIsAskedAllTheTime) {
  StartEngine(good_.get());
  EXPECT_GE(Decode(500).asked_share, kAlwaysAsked);
  EXPECT_GT(engine_->speculation().gain, 1);
  EXPECT_TRUE(engine_->speculation().drafting);
}

TEST_F(DraftingPaysTest, AGoodDrafterIsForgivenAHiccup) {
  StartEngine(good_.get());
  Decode(20);
  model_of_drafter_->hiccup = microseconds(50'000);
  EXPECT_GE(Decode(500).asked_share, kAlwaysAsked);
}

TEST_F(DraftingPaysTest, CandidatesAreVerifiedOnlyWhileRowsAreCheap) {
  StartEngine(good_.get());
  EXPECT_GT(Decode(300).tokens_per_step, 3);
  slow_backend_->row_delay = microseconds(1'000);
  Decode(1000);
  EXPECT_LT(Decode(500).tokens_per_step, 1.2);
  slow_backend_->row_delay = microseconds(0);
  Decode(2 * DraftingGate::kLongestPause);
  EXPECT_GT(Decode(300).tokens_per_step, 3);
}

TEST_F(DraftingPaysTest, AWorthlessDrafterIsHardlyEverAsked) {
  StartEngine(bad_.get());
  model_of_drafter_->delay = microseconds(500);
  Decode(200);
  EXPECT_LT(Decode(2000).asked_share, 0.02);
}

TEST_F(DraftingPaysTest, ASlowDrafterIsHardlyEverAskedUntilItIsFastAgain) {
  StartEngine(good_.get());
  Decode(300);
  model_of_drafter_->delay = microseconds(50'000);
  Decode(200);
  EXPECT_LT(Decode(2000).asked_share, 0.02);
  EXPECT_FALSE(engine_->speculation().drafting);
  model_of_drafter_->delay = microseconds(0);
  Decode(DraftingGate::kLongestCostlyPause + DraftingGate::kLongestPause);
  EXPECT_GT(Decode(500).asked_share, 0.9);
}

}  // namespace
}  // namespace chimera::testing
