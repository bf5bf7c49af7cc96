#include "drafter/candidate_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace chimera {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::IsEmpty;

using enum CandidateSource;

class CandidateTreeTest : public ::testing::Test {
 protected:
  CandidateTreeTest() { tree_.Reset({.node_budget = 63, .max_depth = 15}); }

  // Adds children and returns the index of the first.
  int32_t Add(int32_t parent, CandidateSource source, const std::vector<TokenCandidate>& children) {
    tree_.AddChildren(parent, source, children);
    return tree_.FindChild(parent, children.front().token);
  }

  std::vector<int32_t> BestToExtend(int32_t count = 63, float min_path_probability = 0) {
    std::vector<int32_t> chosen = {-7};
    tree_.BestToExtend(count, min_path_probability, &chosen);
    return chosen;
  }

  AcceptanceCalibration calibration_;
  CandidateTree tree_{&calibration_};
};

TEST_F(CandidateTreeTest, ProposesTheLikeliestPathsFirst) {
  const int32_t first = Add(-1, kNetwork, {{7, 0.5f}, {8, 0.4f}});
  Add(first, kNetwork, {{9, 0.9f}, {7, 0.1f}});
  const ProposedTree tree = tree_.Propose();
  EXPECT_THAT(tree.token_ids, ElementsAre(7, 9, 8, 7));
  EXPECT_THAT(tree.parents, ElementsAre(0, 1, 0, 1));
  EXPECT_THAT(tree.path_probabilities,
              ElementsAre(FloatNear(0.5f, 1e-5f), FloatNear(0.45f, 1e-5f), FloatNear(0.4f, 1e-5f),
                          FloatNear(0.05f, 1e-5f)));
  EXPECT_THAT(tree.sources, ElementsAre(kNetwork, kNetwork, kNetwork, kNetwork));
}

TEST_F(CandidateTreeTest, KeepsItsLimits) {
  tree_.Reset({.node_budget = 2, .max_depth = 2, .min_path_probability = 0.2f});
  const int32_t first = Add(-1, kNetwork, {{1, 0.6f}, {2, 0.3f}, {3, 0.05f}});
  const int32_t second = Add(first, kNetwork, {{4, 0.3f}});
  EXPECT_EQ(tree_.AddChildren(second, kNetwork, std::vector<TokenCandidate>{{5, 0.9f}}), 0)
      << "too deep";
  EXPECT_THAT(tree_.Propose().token_ids, ElementsAre(1, 2));
  tree_.Reset({.node_budget = 0, .max_depth = 2});
  Add(-1, kNetwork, {{1, 0.6f}});
  EXPECT_THAT(tree_.Propose().token_ids, IsEmpty());
}

TEST_F(CandidateTreeTest, ATokenOfTwoSourcesIsOneNodeOfTheBetter) {
  const ProposedTree ngrams = {.token_ids = {5, 6},
                               .parents = {0, 1},
                               .path_probabilities = {0.4f, 0.2f},
                               .sources = {kNgram, kNgram}};
  tree_.AddTree(kNgram, ngrams);
  Add(-1, kNetwork, {{4, 0.7f}, {5, 0.2f}});
  ProposedTree tree = tree_.Propose();
  EXPECT_THAT(tree.token_ids, ElementsAre(4, 5, 6));
  EXPECT_THAT(tree.sources, ElementsAre(kNetwork, kNgram, kNgram));
  EXPECT_THAT(tree.path_probabilities[1], FloatNear(0.4f, 1e-5f));
  // Where the other source believes in it more, all below rise with it.
  tree_.Reset({.node_budget = 63, .max_depth = 15});
  tree_.AddTree(kNgram, ngrams);
  Add(-1, kNetwork, {{5, 0.8f}, {4, 0.1f}});
  tree = tree_.Propose();
  EXPECT_THAT(tree.token_ids, ElementsAre(5, 6, 4));
  EXPECT_THAT(tree.parents, ElementsAre(0, 1, 0));
  EXPECT_THAT(tree.sources, ElementsAre(kNetwork, kNgram, kNetwork));
  EXPECT_THAT(tree.path_probabilities,
              ElementsAre(FloatNear(0.8f, 1e-5f), FloatNear(0.4f, 1e-5f), FloatNear(0.1f, 1e-5f)));
}

TEST_F(CandidateTreeTest, RanksByWhatIsLearntOfClaims) {
  for (int i = 0; i < 2000; ++i) {
    calibration_.Record({.source = kNgram, .depth = 1}, 0.6f, false);
    calibration_.Record({.source = kNgram, .depth = 1, .sampled = true}, 0.6f, true);
  }
  Add(-1, kNgram, {{1, 0.6f}});
  EXPECT_THAT(tree_.AddChildren(-1, kNetwork, std::vector<TokenCandidate>{{2, 0.3f}}),
              FloatNear(0.3f, 1e-5f));
  EXPECT_THAT(tree_.Propose().token_ids, ElementsAre(2, 1));
  EXPECT_LT(tree_.BestChildProbability(-1), 0.31f);
  tree_.Reset({.node_budget = 63, .max_depth = 15, .sampled = true});
  Add(-1, kNgram, {{1, 0.6f}});
  Add(-1, kNetwork, {{2, 0.3f}});
  EXPECT_THAT(tree_.Propose().token_ids, ElementsAre(1, 2));
}

TEST_F(CandidateTreeTest, GoesOnFromParentsBeforeChildren) {
  tree_.AddTree(kNgram, {.token_ids = {1, 2, 3},
                         .parents = {0, 1, 2},
                         .path_probabilities = {0.9f, 0.8f, 0.7f},
                         .sources = {kNgram, kNgram, kNgram}});
  const int32_t other = Add(-1, kNetwork, {{4, 0.5f}});
  const int32_t first = tree_.FindChild(-1, 1);
  EXPECT_THAT(BestToExtend(), ElementsAre(first, other));
  EXPECT_THAT(BestToExtend(1), ElementsAre(first));
  EXPECT_THAT(BestToExtend(63, 0.6f), ElementsAre(first));
  tree_.candidate(first).node = 0;
  const int32_t second = tree_.FindChild(first, 2);
  EXPECT_THAT(BestToExtend(), ElementsAre(second, other));
  tree_.Reset({.node_budget = 1, .max_depth = 2});
  const int32_t last = Add(-1, kNetwork, {{1, 0.9f}, {2, 0.1f}});
  EXPECT_THAT(BestToExtend(), ElementsAre(last)) << "the other one is beyond the budget";
}

TEST_F(CandidateTreeTest, NumbersThatOverflowedAreNoCandidates) {
  EXPECT_EQ(tree_.AddChildren(-1, kNetwork, std::vector<TokenCandidate>{{1, NAN}}), 0);
  Add(-1, kNetwork, {{2, 1.0001f}});
  const ProposedTree tree = tree_.Propose();
  EXPECT_THAT(tree.token_ids, ElementsAre(2));
  EXPECT_LE(tree.path_probabilities[0], 1);
}

// Whatever is added and learnt, a proposal is a tree with descending path probabilities.
TEST_F(CandidateTreeTest, EveryProposalIsATree) {
  std::mt19937 random(3);
  const auto below = [&random](uint32_t limit) { return static_cast<int32_t>(random() % limit); };
  const auto probability = [&below] { return static_cast<float>(below(21)) / 20.0f; };
  for (int round = 0; round < 300; ++round) {
    const int32_t budget = 1 + below(30);
    tree_.Reset({.node_budget = budget, .max_depth = 4, .min_path_probability = 0.03f});
    for (int i = below(20); i >= 0; --i) {
      const int32_t parent = below(static_cast<uint32_t>(tree_.size()) + 1) - 1;
      const std::vector<TokenCandidate> children = {{below(4), probability()},
                                                    {4 + below(4), probability()}};
      tree_.AddChildren(parent, below(2) == 0 ? kNetwork : kNgram, children);
    }
    calibration_.Record({.source = kNgram, .depth = 1 + below(4)}, probability(), below(2) == 0);
    const ProposedTree tree = tree_.Propose();
    ASSERT_LE(tree.token_ids.size(), static_cast<size_t>(budget));
    ASSERT_EQ(tree.sources.size(), tree.token_ids.size());
    std::set<std::pair<int32_t, int32_t>> children;
    float last = 1;
    for (size_t i = 0; i < tree.token_ids.size(); ++i) {
      ASSERT_LE(tree.parents[i], static_cast<int32_t>(i));
      ASSERT_TRUE(children.insert({tree.parents[i], tree.token_ids[i]}).second) << "twins";
      ASSERT_LE(tree.path_probabilities[i], last);
      last = tree.path_probabilities[i];
    }
    EXPECT_GE(last, 0.03f);
  }
}

}  // namespace
}  // namespace chimera
