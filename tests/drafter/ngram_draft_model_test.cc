#include "drafter/ngram_draft_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "common/tree/token_tree.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int32_t kVocabSize = 49152;

// A model and one sequence of it.
class Sequence {
 public:
  ProposedTree Draft(std::vector<int32_t> token_ids, int32_t node_budget = 63,
                     int32_t max_depth = 15) {
    const DraftInput input = {.state = state_.get(),
                              .token_ids = token_ids,
                              .node_budget = node_budget,
                              .max_depth = max_depth};
    return model_.Draft(std::span(&input, 1)).value().front();
  }

 private:
  NgramDraftModel model_;
  std::unique_ptr<DraftState> state_ = model_.NewState(0, SamplingParams());
};

// What every proposal must be; returns its depth.
int CheckTree(const ProposedTree& tree, int32_t node_budget, int32_t max_depth) {
  const size_t size = tree.token_ids.size();
  EXPECT_LE(size, static_cast<size_t>(node_budget));
  EXPECT_EQ(tree.path_probabilities.size(), size);
  EXPECT_EQ(tree.sources, std::vector<CandidateSource>(size, CandidateSource::kNgram));
  std::vector<int32_t> tokens = {0}, parents = {-1};
  tokens.insert(tokens.end(), tree.token_ids.begin(), tree.token_ids.end());
  parents.insert(parents.end(), tree.parents.begin(), tree.parents.end());
  const absl::StatusOr<TokenTree> token_tree = TokenTree::Create(tokens, parents, kVocabSize);
  CHIMERA_EXPECT_OK(token_tree);
  if (!token_tree.ok()) return 0;
  float last = 1;
  int depth = 0;
  for (size_t i = 0; i < size; ++i) {
    EXPECT_LE(tree.path_probabilities[i], last);
    last = tree.path_probabilities[i];
    depth = std::max(depth, token_tree->depth(static_cast<int>(i) + 1));
  }
  EXPECT_GE(last, NgramDraftModel::kMinPathProbability);
  EXPECT_LE(depth, max_depth);
  return depth;
}

// Text with the repetitions of text: copies of earlier stretches between random tokens.
std::vector<int32_t> RandomText(std::mt19937* random, int size, int vocab_size) {
  std::vector<int32_t> text;
  while (static_cast<int>(text.size()) < size) {
    text.push_back(static_cast<int32_t>((*random)() % vocab_size));
    const size_t start = (*random)() % text.size();
    const size_t length = (*random)() % 12;
    for (size_t i = start; i < start + length && i < text.size(); ++i) text.push_back(text[i]);
  }
  text.resize(size);
  return text;
}

TEST(NgramDraftModelTest, ProposesNothingWithoutEvidence) {
  Sequence sequence;
  EXPECT_THAT(sequence.Draft({1, 2, 3, 4}).token_ids, IsEmpty());
  EXPECT_THAT(sequence.Draft({}).token_ids, IsEmpty());
  // One token that occurred once says little.
  EXPECT_THAT(sequence.Draft({1}).token_ids, IsEmpty());
}

TEST(NgramDraftModelTest, ContinuesARepeatedPhrase) {
  Sequence sequence;
  const ProposedTree tree = sequence.Draft({1, 2, 3, 4, 5, 6, 7, 99, 1, 2, 3}, 4);
  EXPECT_THAT(tree.token_ids, ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(tree.parents, ElementsAre(0, 1, 2, 3));
  EXPECT_GT(tree.path_probabilities.front(), 0.5f);
}

TEST(NgramDraftModelTest, ProposesSeveralContinuationsMostFrequentFirst) {
  Sequence sequence;
  const ProposedTree tree =
      sequence.Draft({1, 2, 10, 50, 1, 2, 20, 51, 1, 2, 10, 52, 1, 2, 20, 53, 1, 2, 20, 54, 1, 2});
  ASSERT_GE(tree.token_ids.size(), 2u);
  std::vector<int32_t> children;
  for (size_t i = 0; i < tree.token_ids.size(); ++i) {
    if (tree.parents[i] == 0) children.push_back(tree.token_ids[i]);
  }
  EXPECT_THAT(children, ElementsAre(20, 10));
}

TEST(NgramDraftModelTest, PrefersTheNewerOfEqualPlaces) {
  Sequence sequence;
  const ProposedTree tree = sequence.Draft({1, 2, 3, 10, 50, 1, 2, 3, 20, 51, 1, 2, 3}, 2);
  EXPECT_THAT(tree.token_ids, ElementsAre(20, 10));
  EXPECT_THAT(tree.parents, ElementsAre(0, 0));
}

TEST(NgramDraftModelTest, TrustsALongerMatchMore) {
  Sequence longer, shorter;
  const float long_match = longer.Draft({1, 2, 3, 4, 9, 1, 2, 3}, 1).path_probabilities.front();
  const float short_match = shorter.Draft({7, 2, 3, 4, 9, 1, 2, 3}, 1).path_probabilities.front();
  EXPECT_GT(long_match, short_match);
}

// A phrase comes again, but never goes on as before: after some time nothing is expected of that.
TEST(NgramDraftModelTest, LearnsHowFarRepetitionsCanBeBelieved) {
  for (const bool goes_on : {false, true}) {
    Sequence sequence;
    float first = 0, last = 0;
    for (int32_t round = 0; round < 300; ++round) {
      const int32_t token = 10 * round;
      const ProposedTree tree = sequence.Draft(
          {token, token + 1, token + 2, token + 3, token + 9, token, token + 1, token + 2}, 1);
      last = tree.token_ids.empty() ? 0 : tree.path_probabilities.front();
      if (round == 0) first = last;
      sequence.Draft({goes_on ? token + 3 : token + 5}, 0);
    }
    EXPECT_GT(first, 0.5f);
    if (goes_on) {
      EXPECT_GT(last, first);
    } else {
      EXPECT_LT(last, 0.1f);
    }
  }
}

TEST(NgramDraftModelTest, PricesDecideWhatIsProposed) {
  NgramDraftModel model;
  const auto state = model.NewState(0, SamplingParams());
  const std::vector<int32_t> tokens = {1, 2, 10, 50, 1, 2, 20, 51, 1, 2, 10, 52, 1, 2};
  DraftInput input = {.state = state.get(), .token_ids = tokens, .node_budget = 63, .max_depth = 3};
  const size_t usual = model.Draft({&input, 1}).value()[0].token_ids.size();
  input.token_ids = {};
  input.prices = {.token_seconds = 0.01f, .node_seconds = 0.004f};
  const ProposedTree few = model.Draft({&input, 1}).value()[0];
  ASSERT_FALSE(few.token_ids.empty());
  EXPECT_LT(few.token_ids.size(), usual);
  EXPECT_GE(few.path_probabilities.back(), 0.4f);
  input.prices.node_seconds = 0.011f;
  EXPECT_THAT(model.Draft({&input, 1}).value()[0].token_ids, IsEmpty());
}

TEST(NgramDraftModelTest, TokensMayComeInPieces) {
  std::mt19937 random(3);
  const std::vector<int32_t> text = RandomText(&random, 200, 20);
  Sequence whole, pieces;
  for (size_t at = 0; at < text.size();) {
    const size_t length = std::min<size_t>(random() % 5, text.size() - at);
    pieces.Draft({text.begin() + at, text.begin() + at + length}, 0);
    at += length;
  }
  const ProposedTree expected = whole.Draft(text);
  const ProposedTree tree = pieces.Draft({});
  EXPECT_EQ(tree.token_ids, expected.token_ids);
  EXPECT_EQ(tree.parents, expected.parents);
  EXPECT_EQ(tree.path_probabilities, expected.path_probabilities);
}

TEST(NgramDraftModelTest, EveryProposalIsATreeWithinItsBounds) {
  std::mt19937 random(5);
  int deepest = 0;
  size_t largest = 0;
  for (int round = 0; round < 40; ++round) {
    Sequence sequence;
    const std::vector<int32_t> text = RandomText(&random, 300, 3 + static_cast<int>(random() % 30));
    for (const int32_t token : text) {
      const int32_t node_budget = static_cast<int32_t>(random() % 64);
      const int32_t max_depth = 1 + static_cast<int32_t>(random() % 15);
      const ProposedTree tree = sequence.Draft({token}, node_budget, max_depth);
      deepest = std::max(deepest, CheckTree(tree, node_budget, max_depth));
      largest = std::max(largest, tree.token_ids.size());
    }
  }
  EXPECT_EQ(deepest, 15);
  EXPECT_GT(largest, 20u);
}

TEST(NgramDraftModelTest, SequencesOfABatchDoNotMix) {
  NgramDraftModel model;
  const std::vector<int32_t> first = {1, 2, 3, 1, 2}, second = {1, 2, 4, 1, 2};
  const auto first_state = model.NewState(0, SamplingParams());
  const auto second_state = model.NewState(7, SamplingParams());
  std::vector<DraftInput> inputs(2);
  inputs[0] = {.state = first_state.get(), .token_ids = first, .node_budget = 1, .max_depth = 1};
  inputs[1] = {.state = second_state.get(), .token_ids = second, .node_budget = 1, .max_depth = 1};
  const std::vector<ProposedTree> trees = model.Draft(inputs).value();
  ASSERT_EQ(trees.size(), 2u);
  EXPECT_THAT(trees[0].token_ids, ElementsAre(3));
  EXPECT_THAT(trees[1].token_ids, ElementsAre(4));
}

}  // namespace
}  // namespace chimera
