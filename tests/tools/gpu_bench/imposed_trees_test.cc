#include "tools/gpu_bench/imposed_trees.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <vector>

#include "common/tree/acceptance_walk.h"

namespace chimera {
namespace {

std::vector<int32_t> RandomTokens(int count, int32_t vocab_size) {
  std::mt19937 random(3);
  std::vector<int32_t> tokens(count);
  for (int32_t& token : tokens) token = static_cast<int32_t>(random() % vocab_size);
  return tokens;
}

// What a target chooses whose text the continuation is: beside its path, anything.
std::vector<int32_t> Choices(const std::vector<int32_t>& continuation, const ImposedStep& step) {
  std::vector<int32_t> chosen(step.tree.size(), 0);
  for (int node = 0; node <= step.depth; ++node) chosen[node] = continuation[step.first + node + 1];
  return chosen;
}

TEST(ImposedTreesTest, TheTargetAcceptsWhatIsImposed) {
  for (const double acceptance : {0.0, 0.5, 0.8, 0.99}) {
    const std::vector<int32_t> continuation = RandomTokens(500, 150);
    const auto steps =
        ImposeAcceptance(continuation, {.acceptance = acceptance, .vocab_size = 150});
    std::vector<int32_t> generated = {continuation[0]};
    for (const ImposedStep& step : steps) {
      ASSERT_EQ(step.first + 1, static_cast<int>(generated.size()));
      ASSERT_EQ(step.tree.token(0), continuation[step.first]);
      EXPECT_EQ(step.tree.size(), TokenTree::kMaxNodes);
      const AcceptedPath path = WalkAcceptedPath(step.tree, Choices(continuation, step));
      ASSERT_EQ(static_cast<int>(path.nodes.size()), step.depth + 1);
      generated.insert(generated.end(), path.tokens.begin(), path.tokens.end());
    }
    EXPECT_EQ(generated, continuation);
  }
}

TEST(ImposedTreesTest, DepthsFollowTheAcceptance) {
  const std::vector<int32_t> continuation = RandomTokens(6001, 1000);
  const auto tokens_per_step = [&](double acceptance) {
    const auto steps =
        ImposeAcceptance(continuation, {.acceptance = acceptance, .vocab_size = 1000});
    return 6000.0 / static_cast<double>(steps.size());
  };
  EXPECT_EQ(tokens_per_step(0), 1);
  EXPECT_NEAR(tokens_per_step(0.5), 2, 0.1);
  EXPECT_NEAR(tokens_per_step(0.7), 3.32, 0.2) << "1 + 0.7 + 0.7^2 + ... + 0.7^15";
  EXPECT_NEAR(tokens_per_step(0.8), 4.86, 0.3);
}

TEST(ImposedTreesTest, SmallTreesHoldWhatFits) {
  const std::vector<int32_t> continuation = RandomTokens(50, 100);
  for (const int size : {1, 2, 5}) {
    const auto steps =
        ImposeAcceptance(continuation, {.acceptance = 0.99, .tree_size = size, .vocab_size = 100});
    for (const ImposedStep& step : steps) {
      EXPECT_EQ(step.tree.size(), size);
      EXPECT_LT(step.depth, size);
    }
  }
}

TEST(ImposedTreesTest, EqualArgumentsGiveEqualSteps) {
  const std::vector<int32_t> continuation = RandomTokens(100, 200);
  const ImposedOptions options = {.acceptance = 0.6, .vocab_size = 200};
  const auto first = ImposeAcceptance(continuation, options);
  const auto second = ImposeAcceptance(continuation, options);
  ASSERT_EQ(first.size(), second.size());
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].depth, second[i].depth);
    EXPECT_TRUE(std::ranges::equal(first[i].tree.tokens(), second[i].tree.tokens()));
  }
}

}  // namespace
}  // namespace chimera
