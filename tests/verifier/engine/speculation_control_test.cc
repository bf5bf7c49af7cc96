#include "verifier/engine/speculation_control.h"

#include <gtest/gtest.h>

#include "tests/verifier/engine/test_sequence.h"
#include "verifier/engine/first_candidate_rate.h"

namespace chimera {
namespace {

// A second row takes a quarter of the first, from 16 rows on every row as much as the one before.
StepTimeTable Times() { return StepTimeTable({{1, 1.0}, {2, 1.25}, {16, 4.75}, {64, 19.0}}); }

// A sequence with one candidate.
std::unique_ptr<Sequence> DraftedSequence() {
  auto sequence = testing::MakeTestSequence(1, 3);
  sequence->placement.source = 0;
  sequence->proposal =
      *TokenTree::Create(std::vector<int32_t>{1, 10}, std::vector<int32_t>{-1, 0}, 100);
  sequence->tree = sequence->proposal;
  sequence->path_probabilities = {0.8f};
  sequence->sources = {CandidateSource::kNetwork};
  return sequence;
}

TEST(SpeculationControlTest, IsNotTriedWhereOneCandidateEachCannotPay) {
  const SpeculationControl control(Times(), 1);
  EXPECT_TRUE(control.Asks(1));
  EXPECT_TRUE(control.Asks(8));
  EXPECT_FALSE(control.Asks(16));
  EXPECT_FALSE(control.Drafts(32));
}

TEST(SpeculationControlTest, WithoutStepTimesAllIsDrafted) {
  EXPECT_TRUE(SpeculationControl(std::nullopt, 1).Asks(64));
}

TEST(SpeculationControlTest, HowOftenCandidatesHitDecidesAndIsForgotten) {
  SpeculationControl control(Times(), 1);
  const auto sequence = DraftedSequence();
  for (int step = 0; step < 1000; ++step) {
    control.RecordTokens(*sequence, std::vector<int32_t>{11});
    control.DiscardStep();
  }
  EXPECT_FALSE(control.Asks(1));
  const StepRows plain = {.sequences = 1, .speculating = 1, .asked = false};
  for (int step = 0; step < 2000 && !control.Asks(1); ++step) {
    control.RecordStep(plain, {.forward = 1});
  }
  EXPECT_TRUE(control.Asks(1));
}

// Plans a step of the sequence beside `prefill` prompt tokens, in which its candidate is accepted.
// Returns whether the candidate was verified.
bool IsVerified(int prefill, Sequence* sequence, SpeculationControl* control) {
  Sequence* const decoding[] = {sequence};
  control->PlanTrees(decoding, 1 + prefill, 0);
  const int candidates = sequence->tree.size() - 1;
  std::vector<int32_t> tokens = {10, 11};
  tokens.resize(1 + candidates);
  control->RecordTokens(*sequence, tokens);
  const StepRows rows = {
      .sequences = 1, .speculating = 1, .candidates = candidates, .prefill = prefill};
  control->RecordStep(rows, {.forward = Times().Seconds(1 + candidates + prefill)});
  return candidates > 0;
}

TEST(SpeculationControlTest, NowAndThenAStepIsPlain) {
  SpeculationControl control(Times(), 1);
  const auto sequence = DraftedSequence();
  int plain = 0;
  for (int step = 0; step < 1000; ++step) plain += IsVerified(0, sequence.get(), &control) ? 0 : 1;
  EXPECT_GT(plain, 5);
  EXPECT_LT(plain, 50);
}

// Such a step would teach nothing, so that the next one would be plain again.
TEST(SpeculationControlTest, NoStepWithPromptTokensIsPlainForItsOwnSake) {
  SpeculationControl control(Times(), 1);
  const auto sequence = DraftedSequence();
  for (int step = 0; step < 1000; ++step) {
    ASSERT_TRUE(IsVerified(8, sequence.get(), &control)) << step;
  }
  EXPECT_FALSE(IsVerified(0, sequence.get(), &control)) << "the one that is due";
  EXPECT_TRUE(IsVerified(0, sequence.get(), &control));
}

TEST(FirstCandidateRateTest, FollowsWhatIsSeenAndReturnsToHope) {
  FirstCandidateRate rate;
  EXPECT_DOUBLE_EQ(rate.value(), FirstCandidateRate::kHope);
  for (int draft = 0; draft < 4000; ++draft) rate.Record(draft % 4 == 0);
  EXPECT_NEAR(rate.value(), 0.25, 0.01);
  for (int step = 0; step < 20000; ++step) rate.Forget();
  EXPECT_NEAR(rate.value(), FirstCandidateRate::kHope, 0.01);
}

}  // namespace
}  // namespace chimera
