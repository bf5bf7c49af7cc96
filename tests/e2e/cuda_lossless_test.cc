// The promise on a CUDA device: whatever drafts, few pages, shared beginnings and next turns, a
// reply is that of plain decoding.

#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/thread_pool.h"
#include "common/cuda/draft_network/cuda_draft_network.h"
#include "drafter/chimera_draft_model.h"
#include "drafter/draft_model_factory.h"
#include "drafter/network/drafter_file.h"
#include "tests/e2e/cuda_fixture.h"
#include "tests/e2e/draft_models.h"
#include "tests/testing/sanitizers.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_drafter.h"

namespace chimera::testing {
namespace {

constexpr int kPrompts = kSanitized ? 1 : 2;
constexpr int32_t kMaxTokens = 30;
constexpr int32_t kMaxNodes = 6;
constexpr int32_t kDepth = 4;
// A request begins with two, the first of which all share, and ends with four: two of them get into
// each other's way.
constexpr int32_t kFewPages = 5;

// The same beginning for all, and an end of its own.
std::vector<int32_t> Prompt(int index) {
  std::vector<int32_t> prompt;
  prompt.reserve(21 + index);
  for (int i = 0; i < 17; ++i) prompt.push_back(3 + i * i * 5 % 256);
  for (int i = 0; i < 4 + index; ++i) prompt.push_back(3 + (index * 31 + i * 7) % 256);
  return prompt;
}

class CudaLosslessTest : public CudaFixture {
 protected:
  void SetUp() override {
    CudaFixture::SetUp();
    if (IsSkipped()) return;
    for (int index = 0; index < kPrompts; ++index) {
      for (const float temperature : {0.0f, 0.7f, 1.2f}) {
        if (kSanitized && temperature > 1) continue;
        v1::GenerateRequest request = MakeRequest(Prompt(index), kMaxTokens);
        request.mutable_sampling()->set_temperature(temperature);
        if (temperature == 0.7f) request.mutable_sampling()->set_top_p(0.95f);
        if (temperature == 1.2f) request.mutable_sampling()->set_top_k(40);
        request.mutable_sampling()->set_seed(requests_.size());
        request.mutable_speculation()->set_max_nodes(kMaxNodes);
        request.mutable_speculation()->set_max_depth(kDepth);
        requests_.push_back(request);
      }
    }
    // The same model whatever the test.
    static const auto* const golden = new std::vector<ClientReply>(DecodePlainly(requests_));
    golden_ = *golden;
  }

  // One at a time, by a verifier that knows no drafter.
  std::vector<ClientReply> DecodePlainly(const std::vector<v1::GenerateRequest>& requests,
                                         Numerics numerics = Numerics::kStrict) {
    VerifierConfig config = MakeCudaConfig(Drafters::kNone);
    config.numerics = numerics;
    StartCudaVerifier(config);
    return GenerateAll(requests, 1);
  }

  VerifierConfig FewPages() const {
    VerifierConfig config = MakeCudaConfig(Drafters::kOne);
    config.kv_page_count = kFewPages;
    return config;
  }

  // Decodes all requests together, with the drafter that listens. Returns how many replies differ
  // from those of plain decoding.
  int CountDiffering(const VerifierConfig& config, BackendFault fault = BackendFault::kNone) {
    replies_ = GenerateTogether(config, fault, requests_);
    int differing = 0;
    steps_ = draft_nodes_ = network_nodes_ = accepted_ = 0;
    for (size_t i = 0; i < replies_.size(); ++i) {
      EXPECT_TRUE(replies_[i].status.ok()) << replies_[i].status.error_message();
      differing += Answer(replies_[i]) == Answer(golden_[i]) ? 0 : 1;
      const auto& speculation = replies_[i].complete.speculation();
      steps_ += speculation.steps();
      draft_nodes_ += speculation.draft_nodes();
      accepted_ += speculation.accepted_draft_tokens();
      network_nodes_ += VerifiedNodes(replies_[i], v1::CANDIDATE_SOURCE_NETWORK);
    }
    return differing;
  }

  void ExpectLossless(const VerifierConfig& config) {
    EXPECT_EQ(CountDiffering(config), 0);
    const auto& metrics = verifier_->metrics().kv_cache;
    std::cout << draft_nodes_ << " draft nodes, " << accepted_ << " accepted in " << steps_
              << " steps; " << metrics.preemptions.Value() << " preemptions, "
              << metrics.prefix_hit_tokens.Value() << " prompt tokens from the prefix cache"
              << std::endl;
    if (config.kv_page_count == kFewPages) {
      EXPECT_GT(metrics.preemptions.Value(), 0);
    }
    // So few requests as under a sanitizer may all begin before there is a page to share.
    if (!kSanitized) {
      EXPECT_GT(metrics.prefix_hit_tokens.Value(), 0);
    }
  }

  // For what takes long: leaves out the requests of other prompts.
  void KeepOnePrompt() {
    requests_.resize(requests_.size() / kPrompts);
    golden_.resize(requests_.size());
  }

  std::unique_ptr<DraftModel> TrueContinuation() const {
    KnownSequences sequences;
    for (size_t i = 0; i < requests_.size(); ++i) {
      const auto& prompt = requests_[i].token_ids().ids();
      std::vector<int32_t>& sequence = sequences[requests_[i].sampling().seed()];
      sequence.assign(prompt.begin(), prompt.end());
      sequence.insert(sequence.end(), golden_[i].token_ids.begin(), golden_[i].token_ids.end());
      sequence.insert(sequence.end(), kDepth, 0);
    }
    return std::make_unique<TrueContinuationDraftModel>(std::move(sequences),
                                                        model_->config().vocab_size);
  }

  std::vector<v1::GenerateRequest> requests_;
  std::vector<ClientReply> golden_;
  std::vector<ClientReply> replies_;
  // Of replies_; nodes are those that were verified.
  int64_t steps_ = 0, draft_nodes_ = 0, network_nodes_ = 0, accepted_ = 0;
};

TEST_F(CudaLosslessTest, NgramDrafter) {
  StartDrafter(nullptr);
  ExpectLossless(FewPages());
  if (!kSanitized) {
    EXPECT_GT(draft_nodes_, 0);
  }
}

// Its trees grow from hidden states, which come from the device.
TEST_F(CudaLosslessTest, NetworkDrafter) {
  DrafterConfig config;
  config.draft_model.path = directory_.path() + "/drafter.safetensors";
  BuildTinyDrafter({.target = model_->fingerprint()}).Write(config.draft_model.path);
  CHIMERA_ASSERT_OK_AND_ASSIGN(std::unique_ptr<DraftModel> model,
                               MakeDraftModel(config, model_, std::make_shared<ThreadPool>(1)));
  StartDrafter(std::move(model));
  ExpectLossless(FewPages());
  EXPECT_GT(draft_nodes_, 50);
}

// Both services on one device, as in chimera-node.
TEST_F(CudaLosslessTest, NetworkDrafterOnTheSameDevice) {
  const std::string path = directory_.path() + "/drafter.safetensors";
  BuildTinyDrafter({.target = model_->fingerprint(), .type = DataType::kBf16, .confidence = 3})
      .Write(path);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<DrafterFile> file, DrafterFile::Open(path));
  const auto make_network = [](const DraftNetworkModel& model) {
    ThreadPool threads(1);
    return CudaDraftNetwork::Create(model,
                                    {.max_contexts = 2 * kMaxRunningOnCuda, .threads = &threads});
  };
  CHIMERA_ASSERT_OK_AND_ASSIGN(
      auto model, ChimeraDraftModel::Create(*file, model_, {.make_network = make_network}));
  StartDrafter(std::move(model));
  ExpectLossless(FewPages());
  EXPECT_GT(network_nodes_, 0);
}

TEST_F(CudaLosslessTest, TrueContinuation) {
  StartDrafter(TrueContinuation());
  ExpectLossless(FewPages());
  EXPECT_GT(accepted_, 2 * steps_);
}

TEST_F(CudaLosslessTest, TwoGroupsOfSteps) {
  StartDrafter(TrueContinuation());
  VerifierConfig config = MakeCudaConfig(Drafters::kOne);
  config.engine.step_groups = 2;
  ExpectLossless(config);
}

// Pages that accepted nodes were moved to serve as those that a prompt wrote.
TEST_F(CudaLosslessTest, NextTurnsBeginWithPagesOfReplies) {
  KeepOnePrompt();
  std::vector<v1::GenerateRequest> turns = requests_;
  for (size_t i = 0; i < turns.size(); ++i) {
    google::protobuf::RepeatedField<int32_t>* const prompt =
        turns[i].mutable_token_ids()->mutable_ids();
    prompt->Add(golden_[i].token_ids.begin(), golden_[i].token_ids.end());
    for (int token = 0; token < 5; ++token) prompt->Add(200 + token);
  }
  const std::vector<ClientReply> golden_turns = DecodePlainly(turns);
  StartDrafter(TrueContinuation());
  EXPECT_EQ(CountDiffering(MakeCudaConfig(Drafters::kOne)), 0);
  const auto& hits = verifier_->metrics().kv_cache.prefix_hit_tokens;
  const double before = hits.Value();
  const std::vector<ClientReply> next = GenerateAll(turns, kMaxRunningOnCuda);
  for (size_t i = 0; i < next.size(); ++i) EXPECT_EQ(Answer(next[i]), Answer(golden_turns[i])) << i;
  EXPECT_GT(hits.Value() - before, turns.size() * kPagePositions);
}

TEST_F(CudaLosslessTest, PinnedNumerics) {
  VerifierConfig config = FewPages();
  config.numerics = Numerics::kPinned;
  const absl::Status loaded = LoadOnCuda(config).status();
  if (absl::IsFailedPrecondition(loaded)) GTEST_SKIP() << loaded.message();
  golden_ = DecodePlainly(requests_, Numerics::kPinned);
  StartDrafter(TrueContinuation());
  ExpectLossless(config);
  EXPECT_GT(accepted_, 2 * steps_);
}

TEST_F(CudaLosslessTest, ABrokenBackendWouldBeNoticed) {
  KeepOnePrompt();
  StartDrafter(TrueContinuation());
  for (const BackendFault fault :
       {BackendFault::kSiblingVisible, BackendFault::kCommitOffByOne, BackendFault::kNoiseByRow}) {
    EXPECT_GT(CountDiffering(MakeCudaConfig(Drafters::kOne), fault), 0) << static_cast<int>(fault);
  }
}

}  // namespace
}  // namespace chimera::testing
