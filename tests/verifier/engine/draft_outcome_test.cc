#include "verifier/engine/draft_outcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/verifier/engine/test_sequence.h"

namespace chimera {
namespace {

using ::testing::ElementsAre;
using ::testing::Pointwise;

// A sequence with this proposal, all of which is verified:
//
//   root - 10 (0.8) - 11 (0.4)
//        \ 20 (0.1)
class DraftOutcomeTest : public ::testing::Test {
 protected:
  DraftOutcomeTest() {
    sequence_->proposal = *TokenTree::Create(std::vector<int32_t>{1, 10, 11, 20},
                                             std::vector<int32_t>{-1, 0, 1, 0}, 100);
    sequence_->tree = sequence_->proposal;
    sequence_->path_probabilities = {0.8f, 0.4f, 0.1f};
    sequence_->sources = {CandidateSource::kNetwork, CandidateSource::kNgram,
                          CandidateSource::kNetwork};
  }

  // How the calibration changes for a kind of candidate.
  float Change(const CandidateKind& kind, float claimed) const {
    return calibration_.Calibrated(kind, claimed) -
           AcceptanceCalibration().Calibrated(kind, claimed);
  }

  const std::unique_ptr<Sequence> sequence_ = testing::MakeTestSequence(1, 3);
  AcceptanceCalibration calibration_;
};

constexpr CandidateKind kFirst = {CandidateSource::kNetwork, 1, false};
constexpr CandidateKind kSecond = {CandidateSource::kNgram, 2, false};

TEST_F(DraftOutcomeTest, UntriedProbabilitiesStayAsTheyAre) {
  EXPECT_THAT(CalibratedPathProbabilities(*sequence_, calibration_),
              Pointwise(::testing::FloatNear(0.02f), {0.8f, 0.4f, 0.1f}));
}

TEST_F(DraftOutcomeTest, ChildrenNeverExceedTheirParents) {
  for (int i = 0; i < 1000; ++i) calibration_.Record(kFirst, 0.8f, false);
  for (int i = 0; i < 1000; ++i) calibration_.Record(kSecond, 0.5f, true);
  const std::vector<float> calibrated = CalibratedPathProbabilities(*sequence_, calibration_);
  EXPECT_LT(calibrated[0], 0.1f);
  EXPECT_LE(calibrated[1], calibrated[0]);
}

TEST_F(DraftOutcomeTest, RecordsThePathThatWasChosen) {
  RecordOutcome(*sequence_, std::vector<int32_t>{10, 11, 7}, &calibration_);
  EXPECT_GT(Change(kFirst, 0.8f), 0);
  EXPECT_GT(Change(kSecond, 0.5f), 0);
  EXPECT_LT(Change(kFirst, 0.1f), 0);
}

TEST_F(DraftOutcomeTest, RecordsWhatTheTokensSay) {
  // Nothing is known of what follows 10.
  RecordOutcome(*sequence_, std::vector<int32_t>{10}, &calibration_);
  EXPECT_GT(Change(kFirst, 0.8f), 0);
  EXPECT_EQ(Change(kSecond, 0.5f), 0);
}

TEST_F(DraftOutcomeTest, ChildrenOfWhatWasNotChosenTellNothing) {
  RecordOutcome(*sequence_, std::vector<int32_t>{20, 11}, &calibration_);
  EXPECT_LT(Change(kFirst, 0.8f), 0);
  EXPECT_GT(Change(kFirst, 0.1f), 0);
  EXPECT_EQ(Change(kSecond, 0.5f), 0);
}

TEST_F(DraftOutcomeTest, CandidatesThatWereNotVerifiedTellAsMuch) {
  sequence_->tree = sequence_->proposal.Prefix(1);
  RecordOutcome(*sequence_, std::vector<int32_t>{10}, &calibration_);
  EXPECT_GT(Change(kFirst, 0.8f), 0);
}

TEST_F(DraftOutcomeTest, CountsWhatWasVerified) {
  sequence_->tree = sequence_->proposal.Prefix(3);
  const CandidateCounts counts = CountCandidates(*sequence_, std::vector<int>{0, 1});
  EXPECT_EQ(counts.by_depth[0].verified, 1);
  EXPECT_EQ(counts.by_depth[0].accepted, 1);
  EXPECT_EQ(counts.by_depth[1].verified, 1);
  EXPECT_EQ(counts.by_depth[1].accepted, 0);
  EXPECT_EQ(counts.by_source[static_cast<int>(CandidateSource::kNgram)].verified, 1);
  EXPECT_EQ(counts.by_source[static_cast<int>(CandidateSource::kNetwork)].accepted, 1);
}

}  // namespace
}  // namespace chimera
