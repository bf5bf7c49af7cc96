#include "common/tree/token_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <utility>

#include "common/tree/acceptance_walk.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int32_t kVocabSize = 100;

absl::StatusOr<TokenTree> Make(const std::vector<int32_t>& tokens,
                               const std::vector<int32_t>& parents) {
  return TokenTree::Create(tokens, parents, kVocabSize);
}

TEST(TokenTreeTest, DerivesDepthsAndAncestors) {
  //      0
  //    1   2
  //    3   4 5
  CHIMERA_ASSERT_OK_AND_ASSIGN(const TokenTree tree, Make({9, 1, 2, 3, 3, 4}, {-1, 0, 0, 1, 2, 2}));
  EXPECT_EQ(tree.size(), 6);
  EXPECT_EQ(tree.depth(0), 0);
  EXPECT_EQ(tree.depth(5), 2);
  EXPECT_EQ(tree.ancestors(0), 0b000001u);
  EXPECT_EQ(tree.ancestors(3), 0b001011u);
  EXPECT_EQ(tree.ancestors(5), 0b100101u);
  EXPECT_EQ(tree.FindChild(2, 4), 5);
  EXPECT_EQ(tree.FindChild(1, 4), std::nullopt);
}

TEST(TokenTreeTest, AncestorsAgreeWithFollowingParents) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<int32_t> tokens = {0}, parents = {-1};
    for (int node = 1; node < TokenTree::kMaxNodes; ++node) {
      tokens.push_back(node);
      parents.push_back(static_cast<int32_t>(random() % node));
    }
    const absl::StatusOr<TokenTree> tree = Make(tokens, parents);
    if (!tree.ok()) {
      EXPECT_THAT(tree, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("deeper than 15")));
      continue;
    }
    for (int node = 0; node < tree->size(); ++node) {
      uint64_t expected = 0;
      for (int at = node; at >= 0; at = tree->parent(at)) expected |= uint64_t{1} << at;
      EXPECT_EQ(tree->ancestors(node), expected);
    }
  }
}

TEST(TokenTreeTest, PrefixIsATree) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const TokenTree tree, Make({9, 1, 2, 3}, {-1, 0, 1, 0}));
  const TokenTree prefix = tree.Prefix(2);
  EXPECT_EQ(prefix.size(), 2);
  EXPECT_EQ(prefix.token(1), 1);
  EXPECT_EQ(prefix.FindChild(1, 2), std::nullopt);
}

TEST(TokenTreeTest, RefusesWhatAPeerMightSend) {
  const auto is_error = [](const char* text) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text));
  };
  EXPECT_THAT(Make({}, {}), is_error("0 nodes, must have 1 to 64"));
  EXPECT_THAT(Make(std::vector<int32_t>(65, 1), std::vector<int32_t>(65, 0)), is_error("65 nodes"));
  EXPECT_THAT(Make({1, 2}, {-1}), is_error("2 tokens but 1 parents"));
  EXPECT_THAT(Make({1}, {0}), is_error("node 0 has parent 0"));
  EXPECT_THAT(Make({1, 2}, {-1, 1}), is_error("node 1 has parent 1"));
  EXPECT_THAT(Make({1, 2}, {-1, -1}), is_error("node 1 has parent -1"));
  EXPECT_THAT(Make({1, 2, 3}, {-1, 2, 1}), is_error("node 1 has parent 2"));
  EXPECT_THAT(Make({1, 100}, {-1, 0}), is_error("token 100, must be in [0, 100)"));
  EXPECT_THAT(Make({1, -1}, {-1, 0}), is_error("token -1"));
  EXPECT_THAT(Make({1, 2, 2}, {-1, 0, 0}), is_error("repeats token 2"));
  std::vector<int32_t> tokens = {0}, parents = {-1};
  for (int depth = 1; depth <= 15; ++depth) {
    tokens.push_back(1);
    parents.push_back(depth - 1);
  }
  EXPECT_TRUE(Make(tokens, parents).ok());
  tokens.push_back(1);
  parents.push_back(15);
  EXPECT_THAT(Make(tokens, parents), is_error("node 16 is deeper than 15"));
}

TEST(AcceptanceWalkTest, FollowsTheTargetToTheBonusToken) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const TokenTree tree, Make({9, 1, 2, 3, 4}, {-1, 0, 0, 2, 3}));
  // The target says 2 after the root, 3 after node 2, 7 after node 3; other rows do not matter.
  const AcceptedPath path = WalkAcceptedPath(tree, std::vector<int32_t>{2, 50, 3, 7, 51});
  EXPECT_THAT(path.nodes, ElementsAre(0, 2, 3));
  EXPECT_THAT(path.tokens, ElementsAre(2, 3, 7));
}

TEST(AcceptanceWalkTest, RejectingEverythingStillYieldsOneToken) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const TokenTree tree, Make({9, 1}, {-1, 0}));
  const AcceptedPath path = WalkAcceptedPath(tree, std::vector<int32_t>{5, 6});
  EXPECT_THAT(path.nodes, ElementsAre(0));
  EXPECT_THAT(path.tokens, ElementsAre(5));
}

}  // namespace
}  // namespace chimera
