// The network on whatever device the program links, against the reference, which computes in fp32.

#include "common/cuda/draft_network/cuda_draft_network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <string>

#include "common/base/thread_pool.h"
#include "tests/drafter/network/draft_network_fixture.h"
#include "tests/testing/gpu.h"

namespace chimera::testing {
namespace {

class CudaDraftNetworkTest : public DraftNetworkFixture {
 protected:
  void SetUp() override { CHIMERA_SKIP_WITHOUT_GPU(); }

  // How logits compare with the reference's.
  struct Comparison {
    double squared_error = 0;
    double squared = 0;  // of the reference about its mean
    double largest_error = 0;
    int64_t rows = 0;
    int64_t same_best = 0;

    // Root mean square of the errors, of the standard deviation of logits.
    double relative_error() const { return std::sqrt(squared_error / squared); }
  };

  std::unique_ptr<DraftNetwork> MakeNetwork(int32_t max_contexts = 8) {
    absl::StatusOr<std::unique_ptr<DraftNetwork>> network =
        CudaDraftNetwork::Create(model(), {.max_contexts = max_contexts, .threads = &threads_});
    CHIMERA_EXPECT_OK(network.status());
    return *std::move(network);
  }

  static void Compare(std::span<const float> logits, const std::vector<float>& expected,
                      Comparison* comparison) {
    ASSERT_EQ(logits.size(), expected.size());
    double mean = 0;
    for (const float value : expected) mean += value / static_cast<double>(expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      const double error = double{logits[i]} - expected[i];
      comparison->squared_error += error * error;
      comparison->squared += (expected[i] - mean) * (expected[i] - mean);
      comparison->largest_error = std::max(comparison->largest_error, std::abs(error));
    }
    ++comparison->rows;
    comparison->same_best += std::ranges::max_element(logits) - logits.begin() ==
                             std::ranges::max_element(expected) - expected.begin();
  }

  // Some trees behind each of some sequences of many lengths.
  Comparison CompareTrees() {
    constexpr size_t kLevelNodes = 7;
    std::vector<Sequence> sequences;
    for (const int64_t length : {2, 3, 17, 64, 65, 90}) {
      sequences.push_back(RandomSequence(0, length));
    }
    sequences.push_back(RandomSequence(37, 20));
    const std::unique_ptr<DraftNetwork> network = MakeNetwork();
    std::vector<std::unique_ptr<DraftContext>> owned;
    std::vector<DraftContext*> contexts;
    for (Sequence& sequence : sequences) {
      owned.push_back(MakeContext(sequence, network.get()));
      contexts.push_back(owned.back().get());
      // Of a long one only the window is kept.
      const int64_t rows = std::ssize(sequence.tokens) - 1;
      const int64_t forgotten = std::max<int64_t>(rows - file_->config().context_window, 0);
      ForgetStatesBefore(sequence.first_row + forgotten, &sequence);
    }
    CHIMERA_EXPECT_OK(network->EncodeContexts(contexts));
    Comparison comparison;
    absl::StatusOr<DraftLogits> logits = network->StartTrees(contexts);
    const int heads = file_->config().depth_heads;
    for (size_t i = 0; i < sequences.size(); ++i) {
      const auto expected = Reference(sequences[i], {});
      for (int head = 0; head < heads; ++head) {
        Compare(logits->row(static_cast<int64_t>(i) * heads + head), expected[head], &comparison);
      }
    }
    if (heads > 1) return comparison;
    std::vector<DraftNode> nodes;
    std::vector<std::vector<int32_t>> paths;
    for (int level = 0; level < 3; ++level) {
      const size_t begin = nodes.size();
      for (size_t i = 0; i < kLevelNodes; ++i) {
        DraftNode node = {static_cast<int32_t>(random_() % sequences.size()), -1,
                          RandomTokens(1)[0]};
        if (begin > 0 && i > 0) {
          node.parent = static_cast<int32_t>(random_() % begin);
          node.tree = nodes[node.parent].tree;
        }
        paths.push_back(node.parent < 0 ? std::vector<int32_t>() : paths[node.parent]);
        paths.back().push_back(node.token);
        nodes.push_back(node);
      }
      logits = network->ExtendTrees(std::span(nodes).subspan(begin));
      for (size_t i = begin; i < nodes.size(); ++i) {
        Compare(logits->row(static_cast<int64_t>(i - begin)),
                Reference(sequences[nodes[i].tree], paths[i]).back(), &comparison);
      }
    }
    return comparison;
  }

  ThreadPool threads_{1};
};

struct Shape {
  const char* name;
  TinyDrafterOptions options;
};

void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }

const Shape kShapes[] = {
    {"bf16", {.type = DataType::kBf16}},
    {"unigram", {.trigram_order = 1, .type = DataType::kBf16}},
    {"one_tap_other_heads",
     {.query_heads = 6,
      .kv_heads = 1,
      .head_dim = 32,
      .tapped_layers = {2},
      .type = DataType::kBf16}},
    {"wide",
     {.hidden_size = 96,
      .ffn_size = 160,
      .trigram_hidden_size = 64,
      .draft_vocab_size = 33,
      .type = DataType::kBf16}},
    {"depth_heads", {.tapped_layers = {2}, .depth_heads = 3, .type = DataType::kBf16}},
};

class CudaDraftNetworkShapeTest : public CudaDraftNetworkTest,
                                  public ::testing::WithParamInterface<Shape> {};

TEST_P(CudaDraftNetworkShapeTest, IsCloseToTheReference) {
  Open(GetParam().options);
  const Comparison comparison = CompareTrees();
  RecordProperty("relative_error", std::to_string(comparison.relative_error()));
  EXPECT_LE(comparison.relative_error(), 0.01);
  EXPECT_GE(static_cast<double>(comparison.same_best), 0.95 * static_cast<double>(comparison.rows))
      << comparison.same_best << " of " << comparison.rows;
}

INSTANTIATE_TEST_SUITE_P(Shapes, CudaDraftNetworkShapeTest, ::testing::ValuesIn(kShapes),
                         [](const auto& tested) { return std::string(tested.param.name); });

// Of random logits the best two are often close, of trained ones seldom.
TEST_F(CudaDraftNetworkTest, BestTokensAreThoseOfTheReference) {
  constexpr int32_t kNodes = 300;
  Open({.type = DataType::kBf16});
  const std::unique_ptr<DraftNetwork> network = MakeNetwork(1);
  const Sequence sequence = RandomSequence(0, 12);
  const std::unique_ptr<DraftContext> context = MakeContext(sequence, network.get());
  DraftContext* const contexts[] = {context.get()};
  CHIMERA_ASSERT_OK(network->EncodeContexts(contexts));
  CHIMERA_ASSERT_OK(network->StartTrees(contexts));
  std::vector<DraftNode> nodes;
  nodes.reserve(kNodes);
  for (int32_t token = 0; token < kNodes; ++token) nodes.push_back({0, -1, token});
  const DraftLogits logits = network->ExtendTrees(nodes).value();
  Comparison comparison;
  for (int32_t token = 0; token < kNodes; ++token) {
    Compare(logits.row(token), Reference(sequence, {token}).back(), &comparison);
  }
  EXPECT_GE(comparison.same_best, kNodes * 99 / 100) << "of " << comparison.rows;
  EXPECT_LE(comparison.relative_error(), 0.01);
}

// The reference quantises activations to 8 bits where weights are quantised.
TEST_F(CudaDraftNetworkTest, QuantisedWeights) {
  Open({.type = DataType::kQ8_0, .embedding_type = DataType::kQ4_1});
  EXPECT_LE(CompareTrees().relative_error(), 0.05);
}

// The window slides, pages are written again.
TEST_F(CudaDraftNetworkTest, ContextsGrowPieceByPiece) {
  Open({.type = DataType::kBf16});
  const Sequence whole = RandomSequence(5, 200);
  const std::unique_ptr<DraftNetwork> network = MakeNetwork(1);
  const std::unique_ptr<DraftContext> context = network->NewContext(whole.start_position);
  DraftContext* const contexts[] = {context.get()};
  Comparison comparison;
  for (size_t known = 0; known < whole.tokens.size();) {
    const size_t old = known;
    known += std::min<size_t>(1 + random_() % 30, whole.tokens.size() - known);
    const Sequence part = Beginning(whole, known);
    AddRest(part, old, context.get());
    CHIMERA_ASSERT_OK(network->EncodeContexts(contexts));
    if (known < 2) continue;
    ASSERT_TRUE(context->is_current());
    const auto expected = Reference(part, {7, 8});
    Compare(network->StartTrees(contexts)->row(0), expected[0], &comparison);
    const DraftNode nodes[] = {{0, -1, 7}, {0, 0, 8}};
    Compare(network->ExtendTrees({nodes, 1})->row(0), expected[1], &comparison);
    Compare(network->ExtendTrees({nodes + 1, 1})->row(0), expected[2], &comparison);
  }
  EXPECT_LE(comparison.relative_error(), 0.01);
}

TEST_F(CudaDraftNetworkTest, AGapInTheStatesStartsAgainBehindIt) {
  Open({.type = DataType::kBf16});
  const std::unique_ptr<DraftNetwork> network = MakeNetwork(1);
  const std::unique_ptr<DraftContext> context = network->NewContext(0);
  DraftContext* const contexts[] = {context.get()};
  const Sequence sequence = EncodeWithAGap(network.get(), context.get());
  Comparison comparison;
  Compare(network->StartTrees(contexts)->row(0), Reference(sequence, {})[0], &comparison);
  EXPECT_LE(comparison.relative_error(), 0.01);
}

// More rows than are encoded at a time, and more than graphs are captured for: each is as alone.
TEST_F(CudaDraftNetworkTest, RowsDoNotDependOnOthers) {
  Open({.context_window = 48, .type = DataType::kBf16});
  constexpr int kSequences = 9;
  const std::unique_ptr<DraftNetwork> network = MakeNetwork(kSequences);
  const std::unique_ptr<DraftNetwork> other = MakeNetwork(1);
  std::vector<Sequence> sequences;
  std::vector<std::unique_ptr<DraftContext>> owned;
  std::vector<DraftContext*> contexts;
  std::vector<DraftNode> nodes;
  for (int32_t i = 0; i < kSequences; ++i) {
    sequences.push_back(RandomSequence(0, 40 + i));
    owned.push_back(MakeContext(sequences.back(), network.get()));
    contexts.push_back(owned.back().get());
    for (int32_t node = 0; node < 8; ++node) nodes.push_back({i, -1, 5 * i + node});
  }
  CHIMERA_ASSERT_OK(network->EncodeContexts(contexts));
  const DraftLogits roots = network->StartTrees(contexts).value();
  std::vector<std::vector<float>> expected;
  expected.reserve(kSequences + nodes.size() / 8);
  for (int i = 0; i < kSequences; ++i) expected.push_back(Logits(roots, i));
  const DraftLogits level = network->ExtendTrees(nodes).value();
  for (size_t i = 0; i < nodes.size(); i += 8) {
    expected.push_back(Logits(level, static_cast<int64_t>(i)));
  }
  for (int i = 0; i < kSequences; ++i) {
    const std::unique_ptr<DraftContext> context = MakeContext(sequences[i], other.get());
    DraftContext* const alone[] = {context.get()};
    CHIMERA_ASSERT_OK(other->EncodeContexts(alone));
    EXPECT_EQ(Logits(other->StartTrees(alone).value(), 0), expected[i]) << i;
    const DraftNode node = {0, -1, 5 * i};
    EXPECT_EQ(Logits(other->ExtendTrees({&node, 1}).value(), 0), expected[kSequences + i]) << i;
  }
}

// More nodes than there was room for: what was there stays.
TEST_F(CudaDraftNetworkTest, MemoryOfNodesGrows) {
  Open({.hidden_size = 32,
        .query_heads = 2,
        .kv_heads = 1,
        .ffn_size = 32,
        .trigram_hidden_size = 32,
        .trigram_order = 1,
        .draft_vocab_size = 16,
        .context_window = 16,
        .type = DataType::kBf16});
  const std::unique_ptr<DraftNetwork> network = MakeNetwork(1);
  const Sequence sequence = RandomSequence(0, 5);
  const std::unique_ptr<DraftContext> context = MakeContext(sequence, network.get());
  DraftContext* const contexts[] = {context.get()};
  CHIMERA_ASSERT_OK(network->EncodeContexts(contexts));
  CHIMERA_ASSERT_OK(network->StartTrees(contexts));
  const DraftNode first = {0, -1, 3};
  CHIMERA_ASSERT_OK(network->ExtendTrees({&first, 1}));
  const DraftNode second = {0, 0, 4};
  const auto expected = Logits(network->ExtendTrees({&second, 1}).value(), 0);
  const std::vector<DraftNode> many(512, second);
  for (int i = 0; i < 3; ++i) {
    const DraftLogits logits = network->ExtendTrees(many).value();
    EXPECT_EQ(Logits(logits, 0), expected) << i;
    EXPECT_EQ(Logits(logits, 511), expected) << i;
  }
}

TEST_F(CudaDraftNetworkTest, ContextsBeyondTheMostAreNeverCurrent) {
  Open({.type = DataType::kBf16});
  const std::unique_ptr<DraftNetwork> network = MakeNetwork(1);
  const Sequence sequence = RandomSequence(0, 5);
  std::unique_ptr<DraftContext> first = MakeContext(sequence, network.get());
  const std::unique_ptr<DraftContext> second = MakeContext(sequence, network.get());
  DraftContext* const both[] = {first.get(), second.get()};
  CHIMERA_ASSERT_OK(network->EncodeContexts(both));
  EXPECT_TRUE(first->is_current());
  EXPECT_FALSE(second->is_current());
  first.reset();
  const std::unique_ptr<DraftContext> third = MakeContext(sequence, network.get());
  DraftContext* const contexts[] = {third.get()};
  CHIMERA_ASSERT_OK(network->EncodeContexts(contexts));
  EXPECT_TRUE(third->is_current());
}

}  // namespace
}  // namespace chimera::testing
