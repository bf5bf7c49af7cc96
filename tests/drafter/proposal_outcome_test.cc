#include "drafter/proposal_outcome.h"

#include <gtest/gtest.h>

#include <vector>

namespace chimera {
namespace {

using enum CandidateSource;

class ProposalOutcomeTest : public ::testing::Test {
 protected:
  // Claims 0.6 by both sources for token 1, and by the network alone for 2 behind it; 0.3 for
  // tokens 7 and 8 beside them.
  void Propose() {
    tree_.Reset({.node_budget = 2, .max_depth = 4, .min_path_probability = 0.2f});
    tree_.AddChildren(-1, kNgram, std::vector<TokenCandidate>{{1, 0.6f}});
    tree_.AddChildren(-1, kNetwork, std::vector<TokenCandidate>{{1, 0.6f}, {7, 0.3f}});
    tree_.AddChildren(tree_.FindChild(-1, 1), kNetwork,
                      std::vector<TokenCandidate>{{2, 0.6f}, {8, 0.3f}});
  }

  void SettleOften(const std::vector<int32_t>& committed) {
    for (int i = 0; i < 3000; ++i) {
      Propose();
      SettleProposal(committed, &tree_, &calibration_);
    }
  }

  float Calibrated(CandidateSource source, int32_t depth, float claim) const {
    return calibration_.Calibrated({.source = source, .depth = depth}, claim);
  }

  AcceptanceCalibration calibration_;
  CandidateTree tree_{&calibration_};
};

TEST_F(ProposalOutcomeTest, EverySourceLearnsOfWhatItClaimed) {
  SettleOften({1, 2, 5});
  EXPECT_GT(Calibrated(kNgram, 1, 0.6f), 0.9f);
  EXPECT_GT(Calibrated(kNetwork, 1, 0.6f), 0.9f);
  EXPECT_GT(Calibrated(kNetwork, 2, 0.6f), 0.9f);
  // Also of what was beyond the budget or too unlikely.
  EXPECT_LT(Calibrated(kNetwork, 1, 0.3f), 0.05f);
  EXPECT_LT(Calibrated(kNetwork, 2, 0.3f), 0.05f);
}

TEST_F(ProposalOutcomeTest, OnlyTheChildrenOfCommittedTokensAreJudged) {
  SettleOften({1});
  EXPECT_GT(Calibrated(kNetwork, 1, 0.6f), 0.9f);
  AcceptanceCalibration other = calibration_;
  // Nobody knows what would have come behind token 1.
  Propose();
  SettleProposal(std::vector<int32_t>{7, 2}, &tree_, &calibration_);
  for (int i = 0; i < 2; ++i) other.Record({.source = i == 0 ? kNgram : kNetwork}, 0.6f, false);
  other.Record({.source = kNetwork}, 0.3f, true);
  for (const float claim : {0.1f, 0.3f, 0.6f, 0.9f}) {
    for (const int32_t depth : {1, 2}) {
      EXPECT_FLOAT_EQ(Calibrated(kNetwork, depth, claim),
                      other.Calibrated({.source = kNetwork, .depth = depth}, claim));
      EXPECT_FLOAT_EQ(Calibrated(kNgram, depth, claim),
                      other.Calibrated({.source = kNgram, .depth = depth}, claim));
    }
  }
}

TEST_F(ProposalOutcomeTest, SampledRequestsAreLearntOfApart) {
  for (int i = 0; i < 3000; ++i) {
    tree_.Reset({.node_budget = 2, .max_depth = 4, .sampled = true});
    tree_.AddChildren(-1, kNgram, std::vector<TokenCandidate>{{1, 0.6f}});
    SettleProposal(std::vector<int32_t>{9}, &tree_, &calibration_);
  }
  EXPECT_NEAR(Calibrated(kNgram, 1, 0.6f), 0.6f, 1e-5f);
  EXPECT_LT(calibration_.Calibrated({.source = kNgram, .sampled = true}, 0.6f), 0.2f);
}

TEST_F(ProposalOutcomeTest, AProposalIsSettledOnce) {
  Propose();
  SettleProposal({}, &tree_, &calibration_);
  EXPECT_GT(tree_.size(), 0) << "nothing is known of it yet";
  SettleProposal(std::vector<int32_t>{3}, &tree_, &calibration_);
  EXPECT_EQ(tree_.size(), 0);
  const float after = Calibrated(kNgram, 1, 0.6f);
  EXPECT_LT(after, 0.6f);
  SettleProposal(std::vector<int32_t>{3}, &tree_, &calibration_);
  EXPECT_EQ(Calibrated(kNgram, 1, 0.6f), after);
}

}  // namespace
}  // namespace chimera
