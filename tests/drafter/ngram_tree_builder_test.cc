#include "drafter/ngram_tree_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace chimera {
namespace {

using Path = std::vector<int32_t>;

// Probabilities from their definition, by comparing every place with the sequence's end again and
// again.
class SlowNgramModel {
 public:
  explicit SlowNgramModel(const std::vector<int32_t>& text) : text_(text) {}

  // Path probabilities of all nodes of at least `min_probability`.
  std::map<Path, double> Nodes(int max_depth, double min_probability) const {
    std::map<Path, double> nodes;
    Collect({}, 1, max_depth, min_probability, &nodes);
    return nodes;
  }

 private:
  void Collect(const Path& path, double path_probability, int max_depth, double min_probability,
               std::map<Path, double>* nodes) const {
    if (static_cast<int>(path.size()) == max_depth) return;
    for (int32_t token = 0; token < 10; ++token) {
      const double probability = path_probability * Probability(path, token);
      if (probability == 0 || probability < min_probability) continue;
      Path child = path;
      child.push_back(token);
      (*nodes)[child] = probability;
      Collect(child, probability, max_depth, min_probability, nodes);
    }
  }

  // Tokens before `next` that equal the end of `end`.
  int MatchLength(const std::vector<int32_t>& end, size_t next) const {
    size_t length = 0;
    while (length < next && text_[next - 1 - length] == end[end.size() - 1 - length]) ++length;
    return static_cast<int>(length);
  }

  double Probability(const Path& path, int32_t token) const {
    std::vector<int32_t> end = text_;
    end.insert(end.end(), path.begin(), path.end());
    double probability = 0;
    for (int n = 1; n <= NgramIndex::kMaxMatchLength; ++n) {
      double all = 0, with_token = 0;
      for (size_t next = 1; next < text_.size(); ++next) {
        const int length = MatchLength(end, next);
        // A place counts if it matches the path and a token before it.
        if (length < n || length <= static_cast<int>(path.size())) continue;
        ++all;
        if (text_[next] == token) ++with_token;
      }
      if (all == 0) break;
      const double blend = NgramTreeBuilder::kBlend[n - 1];
      probability = (with_token + blend * probability) / (all + blend);
    }
    return probability;
  }

  const std::vector<int32_t> text_;
};

// Nodes of a proposal by their paths.
std::map<Path, double> PathsOf(const ProposedTree& tree) {
  std::vector<Path> paths = {{}};
  std::map<Path, double> nodes;
  for (size_t i = 0; i < tree.token_ids.size(); ++i) {
    paths.push_back(paths[tree.parents[i]]);
    paths.back().push_back(tree.token_ids[i]);
    nodes[paths.back()] = tree.path_probabilities[i];
  }
  return nodes;
}

ProposedTree Build(const std::vector<int32_t>& text, const NgramTreeLimits& limits) {
  NgramIndex index(1000);
  for (const int32_t token : text) index.Append(token);
  NgramTreeBuilder builder;
  ProposedTree tree;
  builder.Build(index, limits, &tree);
  return tree;
}

TEST(NgramTreeBuilderTest, ProbabilitiesAreWorkedOutByHand) {
  // After "1 2" came 3 once, after another 2 came 4 once:
  //   P_1(3) = 1 / (2 + b_1), P_2(3) = (1 + b_2 P_1(3)) / (1 + b_2), P_2(4) = b_2 P_1(4) / (1 + b_2).
  const ProposedTree tree = Build({1, 2, 3, 5, 2, 4, 1, 2}, {63, 1, 0});
  const double b1 = NgramTreeBuilder::kBlend[0], b2 = NgramTreeBuilder::kBlend[1];
  const double single = 1 / (2 + b1);
  const std::map<Path, double> nodes = PathsOf(tree);
  ASSERT_EQ(nodes.size(), 2u);
  EXPECT_NEAR(nodes.at({3}), (1 + b2 * single) / (1 + b2), 1e-6);
  EXPECT_NEAR(nodes.at({4}), b2 * single / (1 + b2), 1e-6);
}

TEST(NgramTreeBuilderTest, AgreesWithTheDefinition) {
  constexpr double kMinProbability = 0.02;
  constexpr int kMaxDepth = 6;
  std::mt19937 random(23);
  size_t largest = 0;
  for (int round = 0; round < 100; ++round) {
    std::vector<int32_t> text;
    const int vocab_size = 3 + static_cast<int>(random() % 5);
    const int size = 1 + static_cast<int>(random() % 100);
    while (static_cast<int>(text.size()) < size) {
      const bool copy = !text.empty() && random() % 4 != 0;
      text.push_back(copy ? text[text.size() / 2] : static_cast<int32_t>(random() % vocab_size));
    }
    const std::map<Path, double> expected = SlowNgramModel(text).Nodes(kMaxDepth, kMinProbability);
    const std::map<Path, double> all =
        PathsOf(Build(text, {10000, kMaxDepth, static_cast<float>(kMinProbability)}));
    for (const auto& [path, probability] : expected) {
      const auto found = all.find(path);
      // Rounding may decide about a node at the threshold.
      if (found == all.end()) {
        EXPECT_NEAR(probability, kMinProbability, 1e-6);
      } else {
        EXPECT_NEAR(found->second, probability, 1e-6);
      }
    }
    EXPECT_LE(all.size(), expected.size() + 1);
    largest = std::max(largest, all.size());

    // With a budget it takes the most probable ones.
    std::vector<double> best;
    best.reserve(all.size());
    for (const auto& [path, probability] : all) best.push_back(probability);
    std::sort(best.rbegin(), best.rend());
    const int32_t budget = 1 + static_cast<int32_t>(random() % 12);
    const ProposedTree some = Build(text, {budget, kMaxDepth, static_cast<float>(kMinProbability)});
    ASSERT_EQ(some.token_ids.size(), std::min<size_t>(budget, best.size()));
    for (size_t i = 0; i < some.path_probabilities.size(); ++i) {
      EXPECT_EQ(some.path_probabilities[i], best[i]);
    }
  }
  EXPECT_GT(largest, 12u);
}

TEST(NgramTreeBuilderTest, EarlierTreesLeaveNoTrace) {
  NgramTreeBuilder builder;
  NgramIndex busy(100), quiet(100);
  for (const int32_t token : {1, 2, 3, 1, 2, 3, 1, 2}) busy.Append(token);
  for (const int32_t token : {1, 2, 3, 4}) quiet.Append(token);
  ProposedTree first, second;
  builder.Build(busy, {63, 15, 0}, &first);
  EXPECT_FALSE(first.token_ids.empty());
  builder.Build(busy, {63, 15, 0}, &second);
  builder.Build(quiet, {63, 15, 0}, &second);
  EXPECT_TRUE(second.token_ids.empty() && second.sources.empty());
  builder.Build(busy, {63, 15, 0}, &second);
  EXPECT_EQ(second.path_probabilities, first.path_probabilities);
  EXPECT_EQ(second.sources.size(), first.token_ids.size());
}

}  // namespace
}  // namespace chimera
