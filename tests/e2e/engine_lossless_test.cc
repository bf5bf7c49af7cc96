// Whatever drafters do, replies are those of plain decoding.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "common/cpu/cpu_isa.h"
#include "drafter/chimera_draft_model.h"
#include "drafter/network/cpu_draft_network.h"
#include "drafter/network/drafter_file.h"
#include "tests/e2e/draft_models.h"
#include "tests/e2e/local_draft_source.h"
#include "tests/testing/faulty_backend.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_drafter.h"
#include "tests/verifier/engine/engine_fixture.h"

namespace chimera::testing {
namespace {

constexpr int kRequests = 12;
constexpr int32_t kMaxTokens = 40;

struct SamplingCase {
  const char* name;
  SamplingParams params;
};

void PrintTo(const SamplingCase& sampling, std::ostream* out) { *out << sampling.name; }

const SamplingCase kSamplingCases[] = {
    {"greedy", {}},
    {"t07_top_p", {0.7f, 0, 0.0f, 0.95f, 0}},
    {"t1", {1.0f, 0, 0.0f, 1.0f, 0}},
    {"t15_top_k_min_p", {1.5f, 20, 0.05f, 1.0f, 0}},
};

// Tells another model that nodes cost nothing: it proposes all that it can, believe in it or not.
class FreeNodesDraftModel final : public ForwardingDraftModel {
 public:
  using ForwardingDraftModel::ForwardingDraftModel;

  absl::StatusOr<std::vector<ProposedTree>> Draft(std::span<const DraftInput> inputs) override {
    std::vector<DraftInput> free_inputs(inputs.begin(), inputs.end());
    for (DraftInput& input : free_inputs) input.prices = {.token_seconds = 1, .node_seconds = 0};
    return ForwardingDraftModel::Draft(free_inputs);
  }
};

class LosslessTest : public EngineFixture, public ::testing::WithParamInterface<SamplingCase> {
 protected:
  std::vector<GenerationRequest> MakeRequests() const {
    std::vector<GenerationRequest> requests;
    for (int i = 0; i < kRequests; ++i) {
      GenerationRequest request = MakeRequest(i, kMaxTokens);
      const uint64_t seed = request.sampling.seed;
      request.sampling = GetParam().params;
      request.sampling.seed = seed;
      // The tiny model's end-of-reply token comes at random; some requests also stop at a byte.
      if (i % 3 == 1) request.stop.stop_strings = {"e", "\n"};
      if (i % 3 == 2) request.stop.ignore_eos = true;
      requests.push_back(std::move(request));
    }
    return requests;
  }

  // Submits all requests at once, or one after the other.
  std::vector<Reply> Decode(Engine* engine, bool together) {
    std::vector<Reply> replies;
    std::vector<std::shared_ptr<CollectingSink>> sinks;
    for (GenerationRequest& request : MakeRequests()) {
      request.speculation.max_nodes = 24;
      request.speculation.max_depth = 6;
      sinks.push_back(std::make_shared<CollectingSink>());
      CHIMERA_EXPECT_OK(engine->Submit(std::move(request), sinks.back()));
      if (!together) {
        CHIMERA_EXPECT_OK(sinks.back()->Wait());
      }
    }
    steps_ = accepted_ = drafted_ = tokens_ = 0;
    for (const auto& sink : sinks) {
      CHIMERA_EXPECT_OK(sink->Wait());
      replies.push_back(MakeReply(*sink));
      steps_ += sink->result().steps;
      accepted_ += sink->result().accepted_draft_tokens;
      drafted_ += sink->result().draft_nodes;
      tokens_ += sink->result().completion_tokens - 1;
    }
    return replies;
  }

  // The golden answers: plain decoding, one request at a time.
  std::vector<Reply> Golden() { return Decode(MakeEngine({}, MakeConfig(256)).get(), false); }

  void ExpectLossless(DraftModel* model, const LocalDraftSource::Mutator& mutator = nullptr) {
    const std::vector<Reply> golden = Golden();
    for (const bool together : {false, true}) {
      for (const int32_t chunk : {5, 16, 256}) {
        EngineConfig config = MakeConfig(chunk);
        config.step_groups = chunk == 16 ? 1 : 2;
        SCOPED_TRACE(::testing::Message() << "together " << together << " chunk " << chunk);
        LocalDraftSource source(model, model_->config().hidden_size, mutator);
        const std::vector<Reply> replies = Decode(MakeEngine({&source}, config).get(), together);
        for (int i = 0; i < kRequests; ++i) {
          EXPECT_EQ(replies[i].tokens, golden[i].tokens) << "request " << i;
          EXPECT_EQ(replies[i], golden[i]) << "request " << i;
        }
        EXPECT_EQ(source.open_count(), 0u);
      }
    }
  }

  KnownSequences FullSequences(const std::vector<Reply>& golden) const {
    KnownSequences sequences;
    const std::vector<GenerationRequest> requests = MakeRequests();
    for (int i = 0; i < kRequests; ++i) {
      std::vector<int32_t>& sequence = sequences[requests[i].sampling.seed];
      sequence = requests[i].prompt;
      sequence.insert(sequence.end(), golden[i].tokens.begin(), golden[i].tokens.end());
      // Goes on past the end, so that replies end inside accepted paths.
      sequence.insert(sequence.end(), 20, 7);
    }
    return sequences;
  }

  int64_t steps_ = 0, accepted_ = 0, drafted_ = 0, tokens_ = 0;
};

TEST_P(LosslessTest, PlainDecodingDoesNotDependOnBatchOrChunks) {
  const std::vector<Reply> golden = Golden();
  for (const int32_t chunk : {1, 16, 64}) {
    EXPECT_EQ(Decode(MakeEngine({}, MakeConfig(chunk)).get(), true), golden) << "chunk " << chunk;
  }
}

TEST_P(LosslessTest, RandomTrees) {
  RandomTreeDraftModel model(model_->config().vocab_size, 11);
  ExpectLossless(&model);
  EXPECT_GT(drafted_, 100);
}

TEST_P(LosslessTest, TrueContinuation) {
  TrueContinuationDraftModel model(FullSequences(Golden()), model_->config().vocab_size);
  ExpectLossless(&model);
  EXPECT_GT(accepted_, tokens_ / 2);
}

// Weights are random, so candidates are as well; the states that they grow from are the target's.
// It soon learns that the target accepts none, and proposes little unless that is free.
TEST_P(LosslessTest, NeuralDrafter) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/drafter.safetensors";
  BuildTinyDrafter({.target = model_->fingerprint()}).Write(path);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<DrafterFile> file, DrafterFile::Open(path));
  CHIMERA_ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<ChimeraDraftModel> model,
      ChimeraDraftModel::Create(
          *file, model_,
          {.make_network = CpuDraftNetwork::Factory({.isa = AvailableCpuIsas().back()})}));
  ExpectLossless(model.get());
  FreeNodesDraftModel free_nodes(model.get());
  ExpectLossless(&free_nodes);
  EXPECT_GT(drafted_, 1000);
}

TEST_P(LosslessTest, MalformedDraftsAreDropped) {
  RandomTreeDraftModel model(model_->config().vocab_size, 12);
  int count = 0;
  ExpectLossless(&model, [&count](chimera::Draft* draft) {
    switch (count++ % 9) {
      case 0:
        draft->parents[0] = 5;
        break;
      case 1:
        draft->token_ids[0] = -3;
        break;
      case 2:
        draft->token_ids.back() = 1 << 30;
        break;
      case 3:
        draft->parents.pop_back();
        break;
      case 4:
        draft->epoch += 1;
        break;
      case 5:
        draft->root_position -= 1;
        break;
      case 6:
        draft->path_probabilities[0] = std::nanf("");
        break;
      case 7:
        draft->sources.pop_back();
        break;
      default:
        draft->token_ids.assign(200, 1);
        break;
    }
  });
  EXPECT_EQ(drafted_, 0);
}

TEST_P(LosslessTest, ABrokenBackendWouldBeNoticed) {
  const std::vector<Reply> golden = Golden();
  TrueContinuationDraftModel model(FullSequences(golden), model_->config().vocab_size);
  for (const BackendFault fault : {BackendFault::kNone, BackendFault::kSiblingVisible,
                                   BackendFault::kCommitOffByOne, BackendFault::kNoiseByRow}) {
    if (fault == BackendFault::kNoiseByRow && GetParam().params.temperature == 0) continue;
    MakeBackend(kPages);
    backend_ = std::make_unique<FaultyBackend>(std::move(backend_), fault);
    LocalDraftSource source(&model, model_->config().hidden_size);
    const std::vector<Reply> replies = Decode(MakeEngine({&source}).get(), true);
    EXPECT_EQ(replies == golden, fault == BackendFault::kNone) << static_cast<int>(fault);
  }
}

INSTANTIATE_TEST_SUITE_P(Sampling, LosslessTest, ::testing::ValuesIn(kSamplingCases),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace chimera::testing
