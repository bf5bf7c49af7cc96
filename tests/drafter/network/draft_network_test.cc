// The network against its reference: bit for bit, for every instruction set, whatever else is in
// the batch.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "common/base/thread_pool.h"
#include "common/cpu/cpu_isa.h"
#include "drafter/network/cpu_draft_network.h"
#include "tests/drafter/network/draft_network_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_drafter.h"

namespace chimera::testing {
namespace {

class DraftNetworkTest : public DraftNetworkFixture {
 protected:
  std::unique_ptr<DraftNetwork> MakeNetwork(CpuIsa isa, int thread_count = 2) const {
    return std::make_unique<CpuDraftNetwork>(
        model(), CpuDraftNetwork::Options{.isa = isa,
                                          .threads = std::make_shared<ThreadPool>(thread_count)});
  }
};

struct Shape {
  const char* name;
  TinyDrafterOptions options;
};

void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }

const Shape kShapes[] = {
    {"q8_0", {}},
    {"q4_0", {.type = DataType::kQ4_0}},
    {"q4_1_embedding", {.embedding_type = DataType::kQ4_1}},
    {"bf16", {.type = DataType::kBf16}},
    {"unigram", {.trigram_order = 1}},
    {"one_tap_other_heads",
     {.query_heads = 6, .kv_heads = 1, .head_dim = 32, .tapped_layers = {2}}},
    {"wide",
     {.hidden_size = 96, .ffn_size = 160, .trigram_hidden_size = 64, .draft_vocab_size = 33}},
};

class DraftNetworkShapeTest : public DraftNetworkTest,
                              public ::testing::WithParamInterface<Shape> {};

// Sequences of many lengths in one batch, a random tree behind each, level by level.
TEST_P(DraftNetworkShapeTest, EqualsTheReference) {
  constexpr size_t kLevels = 4;
  constexpr size_t kLevelNodes = 7;
  Open(GetParam().options);
  std::vector<Sequence> sequences;
  for (const int64_t length : {2, 3, 17, 64, 65}) sequences.push_back(RandomSequence(0, length));
  sequences.push_back(RandomSequence(37, 20));
  std::vector<std::vector<float>> expected_roots;
  expected_roots.reserve(sequences.size());
  for (const Sequence& sequence : sequences) {
    expected_roots.push_back(Reference(sequence, {})[0]);
  }
  std::vector<DraftNode> nodes;
  std::vector<std::vector<int32_t>> paths;
  std::vector<std::vector<float>> expected;
  while (nodes.size() < kLevels * kLevelNodes) {
    const size_t level_begin = nodes.size() / kLevelNodes * kLevelNodes;
    DraftNode node = {static_cast<int32_t>(random_() % sequences.size()), -1,
                      static_cast<int32_t>(random_() % kVocabSize)};
    if (level_begin > 0) {
      node.parent = static_cast<int32_t>(random_() % level_begin);
      node.tree = nodes[node.parent].tree;
    }
    paths.push_back(node.parent < 0 ? std::vector<int32_t>() : paths[node.parent]);
    paths.back().push_back(node.token);
    expected.push_back(Reference(sequences[node.tree], paths.back()).back());
    nodes.push_back(node);
  }
  for (const CpuIsa isa : AvailableCpuIsas()) {
    SCOPED_TRACE(CpuIsaName(isa));
    const std::unique_ptr<DraftNetwork> network = MakeNetwork(isa);
    std::vector<std::unique_ptr<DraftContext>> owned;
    std::vector<DraftContext*> contexts;
    for (const Sequence& sequence : sequences) {
      owned.push_back(MakeContext(sequence, network.get()));
      contexts.push_back(owned.back().get());
    }
    CHIMERA_ASSERT_OK(network->EncodeContexts(contexts));
    DraftLogits logits = network->StartTrees(contexts).value();
    for (size_t i = 0; i < sequences.size(); ++i) {
      ASSERT_EQ(Logits(logits, static_cast<int64_t>(i)), expected_roots[i]) << i;
    }
    for (size_t begin = 0; begin < nodes.size(); begin += kLevelNodes) {
      logits = network->ExtendTrees(std::span(nodes).subspan(begin, kLevelNodes)).value();
      for (size_t i = 0; i < kLevelNodes; ++i) {
        ASSERT_EQ(Logits(logits, static_cast<int64_t>(i)), expected[begin + i])
            << "node " << begin + i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, DraftNetworkShapeTest, ::testing::ValuesIn(kShapes),
                         [](const auto& tested) { return std::string(tested.param.name); });

// News in pieces, trees in between, the window sliding on: as if all had come at once. With one
// thread and with two.
TEST_F(DraftNetworkTest, ContextsGrowPieceByPiece) {
  Open({});
  const Sequence whole = RandomSequence(5, 200);
  const std::unique_ptr<DraftNetwork> networks[] = {MakeNetwork(AvailableCpuIsas().back(), 1),
                                                    MakeNetwork(AvailableCpuIsas().back(), 2)};
  const std::unique_ptr<DraftContext> contexts[] = {networks[0]->NewContext(whole.start_position),
                                                    networks[1]->NewContext(whole.start_position)};
  for (size_t known = 0; known < whole.tokens.size();) {
    const size_t old = known;
    known += std::min<size_t>(1 + random_() % 30, whole.tokens.size() - known);
    const Sequence part = Beginning(whole, known);
    const auto expected = known < 2 ? std::vector<std::vector<float>>() : Reference(part, {7, 8});
    for (int i = 0; i < 2; ++i) {
      AddRest(part, old, contexts[i].get());
      DraftContext* const batch[] = {contexts[i].get()};
      CHIMERA_ASSERT_OK(networks[i]->EncodeContexts(batch));
      if (known < 2) continue;
      ASSERT_TRUE(contexts[i]->is_current());
      ASSERT_EQ(Logits(networks[i]->StartTrees(batch).value(), 0), expected[0]) << known;
      const DraftNode nodes[] = {{0, -1, 7}, {0, 0, 8}};
      ASSERT_EQ(Logits(networks[i]->ExtendTrees({nodes, 1}).value(), 0), expected[1]) << known;
      ASSERT_EQ(Logits(networks[i]->ExtendTrees({nodes + 1, 1}).value(), 0), expected[2]) << known;
    }
  }
}

TEST_F(DraftNetworkTest, ALongPromptKeepsOnlyTheWindow) {
  Open({});
  const Sequence whole = RandomSequence(0, 300);
  Sequence newest = whole;
  ForgetStatesBefore(299 - file_->config().context_window, &newest);
  const std::unique_ptr<DraftNetwork> network = MakeNetwork(AvailableCpuIsas().back());
  const std::unique_ptr<DraftContext> context = MakeContext(whole, network.get());
  DraftContext* const contexts[] = {context.get()};
  CHIMERA_ASSERT_OK(network->EncodeContexts(contexts));
  EXPECT_EQ(Logits(network->StartTrees(contexts).value(), 0), Reference(newest, {})[0]);
}

TEST_F(DraftNetworkTest, AGapInTheStatesStartsAgainBehindIt) {
  Open({});
  const std::unique_ptr<DraftNetwork> network = MakeNetwork(AvailableCpuIsas().back());
  const std::unique_ptr<DraftContext> context = network->NewContext(0);
  DraftContext* const contexts[] = {context.get()};
  const Sequence sequence = EncodeWithAGap(network.get(), context.get());
  EXPECT_EQ(Logits(network->StartTrees(contexts).value(), 0), Reference(sequence, {})[0]);
}

// The paper's form: all depths from one pass.
TEST_F(DraftNetworkTest, DepthHeads) {
  Open({.tapped_layers = {2}, .depth_heads = 3});
  const Sequence sequence = RandomSequence(0, 30);
  const std::unique_ptr<DraftNetwork> network = MakeNetwork(AvailableCpuIsas().back());
  const std::unique_ptr<DraftContext> first = MakeContext(RandomSequence(0, 10), network.get());
  const std::unique_ptr<DraftContext> context = MakeContext(sequence, network.get());
  DraftContext* const contexts[] = {first.get(), context.get()};
  CHIMERA_ASSERT_OK(network->EncodeContexts(contexts));
  const DraftLogits logits = network->StartTrees(contexts).value();
  const auto expected = Reference(sequence, {});
  for (int head = 0; head < 3; ++head) EXPECT_EQ(Logits(logits, 3 + head), expected[head]) << head;
}

}  // namespace
}  // namespace chimera::testing
