#include "drafter/chimera_draft_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/float16.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/cpu/cpu_isa.h"
#include "common/sampling/shared_noise_sampler.h"
#include "common/tree/token_tree.h"
#include "drafter/network/cpu_draft_network.h"
#include "drafter/network/draft_network_reference.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_drafter.h"
#include "tests/testing/tiny_llama.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// News of a sequence: tokens and the states of all but the newest.
struct News {
  std::vector<int32_t> tokens;
  std::vector<uint16_t> states;
};

class ChimeraDraftModelTest : public ::testing::Test {
 protected:
  ChimeraDraftModelTest() {
    testing::WriteTinyLlama(directory_.path() + "/tiny.gguf", {.context_length = 1024});
    target_ = *LlamaModel::Open(directory_.path() + "/tiny.gguf");
    options_.target = target_->fingerprint();
  }

  absl::StatusOr<std::unique_ptr<ChimeraDraftModel>> Make() {
    testing::BuildTinyDrafter(options_).Write(drafter_path_);
    CHIMERA_ASSIGN_OR_RETURN(file_, DrafterFile::Open(drafter_path_));
    return ChimeraDraftModel::Create(*file_, target_, model_options_);
  }

  // Tokens of which no two are alike, and random states.
  News RandomNews(size_t count) {
    std::vector<int32_t> tokens(target_->config().vocab_size);
    std::iota(tokens.begin(), tokens.end(), 0);
    std::shuffle(tokens.begin(), tokens.end(), random_);
    tokens.resize(count);
    return WithRandomStates(std::move(tokens));
  }

  News WithRandomStates(std::vector<int32_t> tokens) {
    const size_t count = tokens.size();
    News news = {.tokens = std::move(tokens), .states = {}};
    news.states.resize((count - 1) * options_.tapped_layers.size() * options_.hidden_size);
    for (uint16_t& state : news.states) {
      state = FloatToBf16(static_cast<float>(random_() >> 8) * 0x1p-22f - 2.0f);
    }
    return news;
  }

  static DraftInput MakeInput(DraftState* state, const News& news, int32_t node_budget,
                              int32_t max_depth = 5) {
    return {.state = state,
            .token_ids = news.tokens,
            .hidden_states = news.states,
            .node_budget = node_budget,
            .max_depth = max_depth};
  }

  std::vector<std::vector<float>> Reference(const News& news,
                                            const std::vector<int32_t>& path) const {
    return DraftNetworkReference(file_->config(), file_->weights(),
                                 target_->weights().token_embedding,
                                 {.tokens = news.tokens, .states = news.states}, path);
  }

  const testing::TempDirectory directory_;
  const std::string drafter_path_ = directory_.path() + "/drafter.safetensors";
  std::shared_ptr<const LlamaModel> target_;
  testing::TinyDrafterOptions options_;
  ChimeraDraftModel::Options model_options_ = {
      .make_network = CpuDraftNetwork::Factory(
          {.isa = AvailableCpuIsas().back(), .threads = std::make_shared<ThreadPool>(2)})};
  std::unique_ptr<DrafterFile> file_;
  std::mt19937 random_{7};
};

// The tokens of the path to node `index` of a proposal.
std::vector<int32_t> PathTo(const ProposedTree& tree, size_t index) {
  std::vector<int32_t> path;
  for (int32_t node = static_cast<int32_t>(index) + 1; node > 0; node = tree.parents[node - 1]) {
    path.push_back(tree.token_ids[node - 1]);
  }
  std::reverse(path.begin(), path.end());
  return path;
}

float Softmax(const std::vector<float>& logits, size_t index) {
  double total = 0;
  for (const float logit : logits) total += std::exp(double{logit} - logits[index]);
  return static_cast<float>(1 / total);
}

TEST_F(ChimeraDraftModelTest, ProposesTheLikeliestPathsOfTheNetwork) {
  const auto model = Make();
  CHIMERA_ASSERT_OK(model);
  const std::vector<int32_t>& vocabulary = file_->weights().residual_head.vocabulary;
  for (const int32_t budget : {1, 4, 16, 63}) {
    const News news = RandomNews(20);
    const std::unique_ptr<DraftState> state = (*model)->NewState(0, {});
    const DraftInput input = MakeInput(state.get(), news, budget, 3);
    const ProposedTree tree = (*model)->Draft({&input, 1}).value()[0];
    ASSERT_FALSE(tree.token_ids.empty());
    EXPECT_LE(tree.token_ids.size(), static_cast<size_t>(budget));
    float last = 1;
    for (size_t i = 0; i < tree.token_ids.size(); ++i) {
      const std::vector<int32_t> path = PathTo(tree, i);
      ASSERT_LE(path.size(), 3);
      ASSERT_LE(tree.path_probabilities[i], last);
      ASSERT_LE(tree.parents[i], static_cast<int32_t>(i));
      last = tree.path_probabilities[i];
      const auto logits = Reference(news, path);
      float expected = 1;
      for (size_t depth = 0; depth < path.size(); ++depth) {
        const auto found = std::lower_bound(vocabulary.begin(), vocabulary.end(), path[depth]);
        expected *= Softmax(logits[depth], found - vocabulary.begin());
      }
      EXPECT_THAT(tree.path_probabilities[i], FloatNear(expected, 2e-4f)) << i;
    }
    const auto logits = Reference(news, {})[0];
    const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
    EXPECT_EQ(tree.token_ids[0], vocabulary[best]);
  }
}

// With the target's own logits in its place the network would draw the target's token.
TEST_F(ChimeraDraftModelTest, DrawsWithTheSharedNoise) {
  const auto model = Make();
  CHIMERA_ASSERT_OK(model);
  const std::vector<int32_t>& vocabulary = file_->weights().residual_head.vocabulary;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const SamplingParams sampling = {
        .temperature = 0.8f, .top_k = 50, .top_p = 0.95f, .seed = seed};
    const News news = RandomNews(12);
    const std::unique_ptr<DraftState> state = (*model)->NewState(0, sampling);
    const DraftInput input = MakeInput(state.get(), news, 4);
    const ProposedTree tree = (*model)->Draft({&input, 1}).value()[0];
    ASSERT_FALSE(tree.token_ids.empty());
    std::vector<float> row(target_->config().vocab_size, -INFINITY);
    const auto logits = Reference(news, {})[0];
    for (size_t i = 0; i < logits.size(); ++i) row[vocabulary[i]] = logits[i];
    EXPECT_EQ(tree.token_ids[0], SharedNoiseSampler().Sample(row, sampling, 12)) << seed;
  }
}

TEST_F(ChimeraDraftModelTest, ABatchIsAsEachAlone) {
  const auto model = Make();
  CHIMERA_ASSERT_OK(model);
  std::vector<std::unique_ptr<DraftState>> states;
  std::vector<News> news;
  for (const size_t count : {2, 5, 30, 70}) news.push_back(RandomNews(count));
  std::vector<DraftInput> inputs;
  for (size_t i = 0; i < news.size(); ++i) {
    states.push_back((*model)->NewState(0, {.temperature = i % 2 * 0.7f, .seed = i}));
    inputs.push_back(MakeInput(states.back().get(), news[i], i == 1 ? 0 : 12));
  }
  const std::vector<ProposedTree> together = (*model)->Draft(inputs).value();
  EXPECT_THAT(together[1].token_ids, IsEmpty());
  for (size_t i = 0; i < news.size(); ++i) {
    const auto state = (*model)->NewState(0, {.temperature = i % 2 * 0.7f, .seed = i});
    inputs[i].state = state.get();
    const ProposedTree alone = (*model)->Draft({&inputs[i], 1}).value()[0];
    EXPECT_EQ(alone.token_ids, together[i].token_ids) << i;
    EXPECT_EQ(alone.parents, together[i].parents) << i;
    EXPECT_EQ(alone.path_probabilities, together[i].path_probabilities) << i;
  }
}

TEST_F(ChimeraDraftModelTest, WithoutStatesProposesNgramsAlone) {
  const auto model = Make();
  CHIMERA_ASSERT_OK(model);
  std::unique_ptr<DraftState> state = (*model)->NewState(0, {});
  News news = RandomNews(9);
  news.states.clear();
  DraftInput input = MakeInput(state.get(), news, 8);
  EXPECT_THAT((*model)->Draft({&input, 1}).value()[0].token_ids, IsEmpty());
  state = (*model)->NewState(0, {});
  news.tokens = {10, 11, 12, 13, 14, 99, 10, 11, 12};
  input = MakeInput(state.get(), news, 2);
  const ProposedTree tree = (*model)->Draft({&input, 1}).value()[0];
  EXPECT_THAT(tree.token_ids, ElementsAre(13, 14));
  EXPECT_THAT(tree.sources, Each(CandidateSource::kNgram));
}

// The draft vocabulary has multiples of three only, the text has none.
TEST_F(ChimeraDraftModelTest, TheNetworkGoesOnFromNgrams) {
  const auto model = Make();
  CHIMERA_ASSERT_OK(model);
  const std::vector<int32_t>& vocabulary = file_->weights().residual_head.vocabulary;
  const std::unique_ptr<DraftState> state = (*model)->NewState(0, {});
  const News news = WithRandomStates({10, 11, 13, 14, 100, 10, 11, 13, 14, 101, 10, 11, 13});
  DraftInput input = MakeInput(state.get(), news, 63, 3);
  // The random network's candidates are unlikely.
  input.prices = {.token_seconds = 1, .node_seconds = 1e-4f};
  const ProposedTree tree = (*model)->Draft({&input, 1}).value()[0];
  const std::vector<float> after = Reference(news, {14})[1];
  std::set<std::pair<int32_t, int32_t>> children;
  int below_ngram = 0;
  for (size_t i = 0; i < tree.token_ids.size(); ++i) {
    EXPECT_TRUE(children.insert({tree.parents[i], tree.token_ids[i]}).second) << "twins";
    const bool is_drafted = std::ranges::binary_search(vocabulary, tree.token_ids[i]);
    EXPECT_EQ(tree.sources[i], is_drafted ? CandidateSource::kNetwork : CandidateSource::kNgram);
    if (PathTo(tree, i).front() != 14 || PathTo(tree, i).size() != 2 || !is_drafted) continue;
    const auto found = std::ranges::lower_bound(vocabulary, tree.token_ids[i]);
    EXPECT_THAT(
        tree.path_probabilities[i],
        FloatNear(tree.path_probabilities[0] * Softmax(after, found - vocabulary.begin()), 2e-4f));
    ++below_ngram;
  }
  EXPECT_EQ(tree.token_ids[0], 14);
  EXPECT_GT(below_ngram, 0);
}

TEST_F(ChimeraDraftModelTest, LearnsFromTheOutcome) {
  const auto model = Make();
  CHIMERA_ASSERT_OK(model);
  const std::unique_ptr<DraftState> state = (*model)->NewState(0, {});
  News news = RandomNews(20);
  DraftInput input = MakeInput(state.get(), news, 1, 1);
  const ProposedTree first = (*model)->Draft({&input, 1}).value()[0];
  int64_t position = 20;
  for (int i = 0; i < 300; ++i) {
    // What is likeliest never comes.
    news = RandomNews(2);
    input = MakeInput(state.get(), news, 1, 1);
    input.hidden_start_position = static_cast<int32_t>(position) - 1;
    news.states.resize(2 * news.states.size());
    input.hidden_states = news.states;
    position += 2;
    CHIMERA_ASSERT_OK((*model)->Draft({&input, 1}));
  }
  const News again = RandomNews(20);
  const auto other = (*model)->NewState(0, {});
  input = MakeInput(other.get(), again, 1, 1);
  const ProposedTree last = (*model)->Draft({&input, 1}).value()[0];
  ASSERT_FALSE(first.token_ids.empty());
  EXPECT_THAT(last.token_ids, IsEmpty()) << "less likely than what is worth proposing";
}

TEST_F(ChimeraDraftModelTest, ANodeMustBeWorthItsPrice) {
  const auto model = Make();
  CHIMERA_ASSERT_OK(model);
  size_t size = 64;
  for (const float node_seconds : {0.02f, 0.06f, 1.1f}) {
    const auto state = (*model)->NewState(0, {});
    const News news = WithRandomStates({10, 11, 13, 14, 100, 10, 11, 13});
    DraftInput input = MakeInput(state.get(), news, 63);
    input.prices = {.token_seconds = 1, .node_seconds = node_seconds};
    const ProposedTree tree = (*model)->Draft({&input, 1}).value()[0];
    for (const float probability : tree.path_probabilities) EXPECT_GE(probability, node_seconds);
    EXPECT_LT(tree.token_ids.size(), size);
    size = tree.token_ids.size();
  }
  EXPECT_EQ(size, 0u);
}

// Each look at it takes a second.
class SlowClock : public Clock {
 public:
  std::chrono::steady_clock::time_point Now() const override {
    return std::chrono::steady_clock::time_point(std::chrono::seconds(++looks_));
  }

 private:
  mutable int64_t looks_ = 0;
};

TEST_F(ChimeraDraftModelTest, ALevelMustPayForItsTime) {
  model_options_.clock = std::make_shared<SlowClock>();
  const auto model = Make();
  CHIMERA_ASSERT_OK(model);
  const News news = RandomNews(20);
  const auto depth_at = [&](float token_seconds) {
    const auto state = (*model)->NewState(0, {});
    DraftInput input = MakeInput(state.get(), news, 63);
    input.prices = {.token_seconds = token_seconds, .node_seconds = 1e-6f};
    const ProposedTree tree = (*model)->Draft({&input, 1}).value()[0];
    size_t depth = 0;
    for (size_t i = 0; i < tree.token_ids.size(); ++i) {
      depth = std::max(depth, PathTo(tree, i).size());
    }
    return depth;
  };
  EXPECT_GT(depth_at(0.1f), 1) << "not measured yet";
  EXPECT_EQ(depth_at(0.1f), 1);
  EXPECT_GT(depth_at(1000), 1);
}

TEST_F(ChimeraDraftModelTest, ATreeMayHaveAFixedShape) {
  model_options_.tree_shape = {3, 2, 1};
  const auto model = Make();
  CHIMERA_ASSERT_OK(model);
  const auto state = (*model)->NewState(0, {});
  const News news = WithRandomStates({10, 11, 13, 14, 100, 10, 11, 13});
  DraftInput input = MakeInput(state.get(), news, 63);
  input.prices = {.token_seconds = 1e-9f, .node_seconds = 1};
  const ProposedTree tree = (*model)->Draft({&input, 1}).value()[0];
  EXPECT_EQ(tree.token_ids.size(), 3u + 6 + 6);
  EXPECT_THAT(tree.sources, Each(CandidateSource::kNetwork));
  std::vector<int> children(tree.token_ids.size() + 1);
  for (const int32_t parent : tree.parents) ++children[parent];
  EXPECT_EQ(children[0], 3);
  for (size_t i = 0; i < tree.token_ids.size(); ++i) {
    const size_t depth = PathTo(tree, i).size();
    EXPECT_EQ(children[i + 1], depth == 1 ? 2 : depth == 2 ? 1 : 0);
  }
}

TEST_F(ChimeraDraftModelTest, DepthHeadsProposeAsDeepAsTheyAre) {
  options_.depth_heads = 3;
  options_.tapped_layers = {2};
  const auto model = Make();
  CHIMERA_ASSERT_OK(model);
  const std::unique_ptr<DraftState> state = (*model)->NewState(0, {});
  const News news = RandomNews(20);
  const DraftInput input = MakeInput(state.get(), news, 30, 15);
  const ProposedTree tree = (*model)->Draft({&input, 1}).value()[0];
  size_t depth = 0;
  for (size_t i = 0; i < tree.token_ids.size(); ++i)
    depth = std::max(depth, PathTo(tree, i).size());
  EXPECT_GE(depth, 1);
  EXPECT_LE(depth, 3);
}

TEST_F(ChimeraDraftModelTest, SaysWhichWeightsItWasMadeFor) {
  options_.target.weights = "others";
  const auto model = Make();
  CHIMERA_ASSERT_OK(model);
  EXPECT_EQ((*model)->info().target, options_.target);
}

TEST_F(ChimeraDraftModelTest, RefusesWhatWasNotMadeForTheTarget) {
  options_.target.identity = "another";
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kInvalidArgument,
                               AllOf(HasSubstr("tiny drafter"), HasSubstr("another"))));
  options_.target = target_->fingerprint();
  options_.tapped_layers = {1, 3};
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("layer 3")));
  options_.tapped_layers = {1, 2};
  options_.hidden_size = 96;
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("hidden_size 96")));
  options_.hidden_size = 64;
  options_.draft_vocab_size = 200;
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("token 600")));
}

}  // namespace
}  // namespace chimera
