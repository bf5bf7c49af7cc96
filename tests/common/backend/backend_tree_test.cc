// Verifying a tree gives the bits of decoding its paths one token at a time.

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/common/backend/backend_harness.h"
#include "tests/common/backend/backend_kind.h"
#include "tests/testing/tree_path.h"

namespace chimera {
namespace {

using namespace ::chimera::testing;  // NOLINT: the harness

const std::vector<int32_t> kTaps = {0, 1, 2};  // layer_count is 2

class BackendTreeTest : public BackendTest {
 protected:
  BackendTreeTest() : BackendTest({.query_heads = 3, .kv_heads = 1, .head_dim = 64, .seed = 9}) {}

  void SetUp() override {
    BackendTest::SetUp();
    if (!IsSkipped()) backend_ = MakeBackend(*model_);
  }

  int32_t vocab_size() const { return model_->config().vocab_size; }

  static SequenceStep TreeStep(std::span<const int32_t> pages, int32_t context_length,
                               const TokenTree& tree) {
    return {.slot = 2,
            .pages = pages,
            .context_length = context_length,
            .tree = &tree,
            .sampling = {.temperature = 0.8f, .top_p = 0.95f, .seed = 5},
            .outputs = {.logits = true, .hidden_states = true}};
  }

  StepResult RunTree(std::span<const int32_t> pages, int32_t context_length,
                     const TokenTree& tree) {
    const SequenceStep step = TreeStep(pages, context_length, tree);
    return RunStep(backend_.get(), {.sequences = std::span(&step, 1), .tapped_layers = kTaps});
  }

  absl::Status Commit(std::span<const int32_t> pages, int32_t context_length,
                      std::span<const int> nodes) {
    const CommitRequest request = {
        .slot = 2, .pages = pages, .context_length = context_length, .nodes = nodes};
    return backend_->Commit(std::span(&request, 1));
  }

  // Decodes `path` token by token behind the context in `pages`; the last token's results.
  StepResult DecodePath(std::span<const int32_t> pages, int32_t context_length,
                        std::span<const int32_t> path) {
    StepResult result;
    for (const int32_t token : path) {
      result = RunTree(pages, context_length, TokenTree::RootOnly(token));
      const int root = 0;
      EXPECT_TRUE(Commit(pages, context_length++, std::span(&root, 1)).ok());
    }
    return result;
  }

  std::unique_ptr<Backend> backend_;
  std::mt19937 random_{33};
};

TEST_P(BackendTreeTest, EveryNodeEqualsSequentialDecoding) {
  const std::vector<int32_t> pages = PageTable(6), other_pages = PageTable(6, 6);
  int deepest = 0;
  for (const int size : {1, 2, 5, 17, 64}) {
    for (const int32_t context_length : {0, 1, 15, 16, 50}) {
      const std::vector<int32_t> context = RandomTokens(context_length, vocab_size(), &random_);
      Prefill(backend_.get(), pages, context, 16);
      Prefill(backend_.get(), other_pages, context, 16);
      const TokenTree tree = RandomTree(size, 5, vocab_size(), &random_);
      const StepResult verified = RunTree(pages, context_length, tree);
      for (int node = size - 1; node >= 0; node -= 1 + size / Rounds(12, 1)) {
        deepest = std::max(deepest, tree.depth(node));
        const StepResult decoded = DecodePath(other_pages, context_length, PathTokens(tree, node));
        const std::span<const float> logits = LogitsOf(verified, node, vocab_size());
        EXPECT_TRUE(std::equal(logits.begin(), logits.end(), decoded.logits.begin()));
        EXPECT_EQ(verified.chosen[node], decoded.chosen[0]);
        const size_t states = decoded.hidden_states.size();
        EXPECT_TRUE(std::equal(decoded.hidden_states.begin(), decoded.hidden_states.end(),
                               verified.hidden_states.begin() + node * states));
      }
    }
  }
  EXPECT_GE(deepest, 12);  // or the trees test little
}

TEST_P(BackendTreeTest, CommittedPagesEqualPrefilledPages) {
  const std::vector<int32_t> pages = PageTable(6), other_pages = PageTable(6, 6);
  for (int round = 0; round < Rounds(10, 2); ++round) {
    std::vector<int32_t> tokens = RandomTokens(1 + round * 5, vocab_size(), &random_);
    int32_t context_length = static_cast<int32_t>(tokens.size());
    const auto fresh = MakeBackend(*model_);
    backend_ = MakeBackend(*model_);
    Prefill(backend_.get(), pages, tokens, 7);
    for (int step = 0; step < 3; ++step) {
      const TokenTree tree = RandomTree(40, 3, vocab_size(), &random_);
      RunTree(pages, context_length, tree);
      const int leaf = static_cast<int>(random_() % 40);
      const std::vector<int> nodes = PathNodes(tree, leaf);
      ASSERT_TRUE(Commit(pages, context_length, nodes).ok());
      for (const int node : nodes) tokens.push_back(tree.token(node));
      context_length += static_cast<int32_t>(nodes.size());
    }
    Prefill(fresh.get(), other_pages, tokens, 64);
    for (int i = 0; i < 6; ++i) {
      EXPECT_EQ(backend_->CopyPage(pages[i]), fresh->CopyPage(other_pages[i])) << "page " << i;
    }
  }
}

TEST_P(BackendTreeTest, VerifyingTouchesNoPage) {
  const std::vector<int32_t> pages = PageTable(3);
  Prefill(backend_.get(), pages, RandomTokens(20, vocab_size(), &random_), 20);
  const std::vector<std::byte> before = backend_->CopyPage(1);
  RunTree(pages, 20, RandomTree(30, 3, vocab_size(), &random_));
  EXPECT_EQ(backend_->CopyPage(1), before);
}

INSTANTIATE_TEST_SUITE_P(Kinds, BackendTreeTest, ::testing::ValuesIn(BackendKinds()),
                         BackendKindName);

}  // namespace
}  // namespace chimera
