// What the trained drafter of the default model is worth after it had to be told a sequence's
// window again.

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/model/default_model_path.h"
#include "common/tokenizer/chat_template.h"
#include "tests/e2e/draft_models.h"
#include "tests/e2e/local_draft_source.h"
#include "tests/e2e/prompts.h"
#include "tests/e2e/trained_drafter.h"
#include "tests/testing/default_model.h"
#include "tests/verifier/engine/engine_fixture.h"

namespace chimera::testing {
namespace {

constexpr int kPrompts = 8;
constexpr int32_t kMaxTokens = 160;
constexpr int32_t kDisturbedAt = 60;  // tokens of a reply
constexpr int kSilentSteps = 30;
// Steps in which the window goes to the drafter in messages of bounded size, and the next one.
constexpr int kReplaySteps = 3;
constexpr double kLeastRatio = 0.97;

enum class Disturbance { kNone, kRestart, kSilence, kPrefixHit };

// Asks for the last positions only, so that it misses most of the context after a replay.
class ForgetfulDraftModel final : public ForwardingDraftModel {
 public:
  explicit ForgetfulDraftModel(DraftModel* model)
      : ForwardingDraftModel(model), info_(model->info()) {
    info_.context_window = 2;
  }

  const DraftModelInfo& info() const override { return info_; }

 private:
  DraftModelInfo info_;
};

// How a reply came: the number of its tokens after each step.
struct Course {
  std::vector<int32_t> token_counts;
  int32_t measured_from = 0;  // tokens

  // Steps that it took to get from so many tokens to its end.
  int64_t StepsFrom(int32_t tokens) const {
    return std::ranges::count_if(token_counts, [tokens](int32_t count) { return count > tokens; });
  }
};

class WindowReplayTest : public EngineFixture {
 protected:
  void SetUp() override {
    if (IsOtherModel()) GTEST_SKIP() << "the drafter is that of the default model";
    CHIMERA_ASSERT_OK_AND_ASSIGN(model_, LlamaModel::Open(DefaultModelPath()));
    CHIMERA_ASSERT_OK_AND_ASSIGN(tokenizer_, Tokenizer::Create(model_->vocabulary()));
    EncodePrompts();
  }

  void EncodePrompts() {
    CHIMERA_ASSERT_OK_AND_ASSIGN(const ChatTemplate chat,
                                 ChatTemplate::Create(model_->vocabulary().chat_template));
    for (const std::string& text : ReadPrompts(kPrompts)) {
      const ChatMessage message = {.role = "user", .content = text};
      CHIMERA_ASSERT_OK_AND_ASSIGN(prompts_.emplace_back(),
                                   chat.Encode({&message, 1}, *tokenizer_));
    }
  }

  GenerationRequest MakePrompt(int index) const {
    GenerationRequest request;
    request.id = "prompt-" + std::to_string(index);
    request.prompt = prompts_[index];
    request.stop.max_tokens = kMaxTokens;
    return request;
  }

  // Answers all prompts, one after the other, each disturbed once. A restarted drafter is `second`.
  std::vector<Course> Answer(Disturbance disturbance, DraftModel* first, DraftModel* second) {
    MakeBackend(kPages);
    LocalDraftSource sources[] = {{first, model_->config().hidden_size},
                                  {second, model_->config().hidden_size}};
    sources[1].Disconnect();
    int serving = 0;
    const std::unique_ptr<Engine> engine = MakeEngine({&sources[0], &sources[1]}, MakeConfig(256));
    std::vector<Course> courses;
    for (int i = 0; i < kPrompts; ++i) {
      if (disturbance == Disturbance::kPrefixHit) {
        const auto sink = std::make_shared<CollectingSink>();
        GenerationRequest request = MakePrompt(i);
        request.stop.max_tokens = 1;
        CHIMERA_EXPECT_OK(engine->Submit(std::move(request), sink));
        CHIMERA_EXPECT_OK(sink->Wait());
      }
      Course course;
      int steps_left = -1;  // until what follows is measured
      std::shared_ptr<CollectingSink> sink;
      sink = std::make_shared<CollectingSink>([&] {
        const auto tokens = static_cast<int32_t>(sink->tokens().size());
        const bool is_due = course.measured_from == 0 && steps_left < 0 && tokens >= kDisturbedAt;
        course.token_counts.push_back(tokens);
        if (is_due && disturbance == Disturbance::kRestart) {
          sources[serving].Disconnect();
          serving = 1 - serving;
          sources[serving].Connect();
        }
        if (is_due && disturbance == Disturbance::kSilence) sources[serving].Refuse(kSilentSteps);
        if (is_due) {
          steps_left = kReplaySteps + (disturbance == Disturbance::kSilence ? kSilentSteps : 0);
        }
        if (steps_left >= 0 && --steps_left < 0) course.measured_from = tokens;
      });
      CHIMERA_EXPECT_OK(engine->Submit(MakePrompt(i), sink));
      CHIMERA_EXPECT_OK(sink->Wait());
      if (disturbance == Disturbance::kPrefixHit) course.measured_from = 1;
      courses.push_back(std::move(course));
    }
    return courses;
  }

  // Asked for once per process.
  const std::vector<Course>& Undisturbed() {
    static auto* const courses = new std::vector<Course>;
    if (courses->empty()) {
      const std::unique_ptr<DraftModel> drafter = MakeTrainedDrafter(model_);
      *courses = Answer(Disturbance::kNone, drafter.get(), drafter.get());
    }
    return *courses;
  }

  // Tokens per step behind the disturbances, relative to those of undisturbed replies there.
  double Ratio(Disturbance disturbance, DraftModel* first, DraftModel* second) {
    const std::vector<Course>& before = Undisturbed();
    const std::vector<Course> after = Answer(disturbance, first, second);
    int64_t steps_before = 0;
    int64_t steps_after = 0;
    int64_t tokens = 0;
    for (int i = 0; i < kPrompts; ++i) {
      EXPECT_EQ(before[i].token_counts.back(), after[i].token_counts.back());
      const int32_t from = after[i].measured_from;
      if (from == 0) continue;  // too short a reply
      tokens += after[i].token_counts.back() - from;
      steps_before += before[i].StepsFrom(from);
      steps_after += after[i].StepsFrom(from);
    }
    EXPECT_GT(tokens, kPrompts * (kMaxTokens - kDisturbedAt) / 4);
    EXPECT_LT(steps_before, tokens * 3 / 4) << "drafting was of little use in any case";
    const double ratio = static_cast<double>(steps_before) / static_cast<double>(steps_after);
    std::cout << tokens << " tokens in " << steps_before << " and " << steps_after
              << " steps: " << ratio << "\n";
    return ratio;
  }

  std::vector<std::vector<int32_t>> prompts_;
};

TEST_F(WindowReplayTest, ARestartedDrafterIsWorthAsMuch) {
  EXPECT_GE(Ratio(Disturbance::kRestart, MakeTrainedDrafter(model_).get(),
                  MakeTrainedDrafter(model_).get()),
            kLeastRatio);
}

TEST_F(WindowReplayTest, ADrafterThatWasToldNothingForAWhileIsWorthAsMuch) {
  const std::unique_ptr<DraftModel> drafter = MakeTrainedDrafter(model_);
  EXPECT_GE(Ratio(Disturbance::kSilence, drafter.get(), drafter.get()), kLeastRatio);
}

TEST_F(WindowReplayTest, APrefixHitIsWorthAsMuch) {
  const std::unique_ptr<DraftModel> drafter = MakeTrainedDrafter(model_);
  EXPECT_GE(Ratio(Disturbance::kPrefixHit, drafter.get(), drafter.get()), kLeastRatio);
  EXPECT_GT(metrics_.kv_cache.prefix_hit_tokens.Value(), 0);
}

TEST_F(WindowReplayTest, AReplayOfTooLittleWouldBeNoticed) {
  const std::unique_ptr<DraftModel> drafters[] = {MakeTrainedDrafter(model_),
                                                  MakeTrainedDrafter(model_)};
  ForgetfulDraftModel first(drafters[0].get());
  ForgetfulDraftModel second(drafters[1].get());
  EXPECT_LT(Ratio(Disturbance::kRestart, &first, &second), kLeastRatio);
}

}  // namespace
}  // namespace chimera::testing
