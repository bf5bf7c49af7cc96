// The hidden states that a drafter asks for are those of the reference forward pass.

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "common/base/float16.h"
#include "common/ops/llama_forward_reference.h"
#include "tests/e2e/e2e_fixture.h"
#include "tests/testing/tiny_llama.h"

namespace chimera::testing {
namespace {

// What a drafter received of one epoch of a sequence.
struct Received {
  std::vector<int32_t> tokens;
  std::vector<uint16_t> hidden_states;
};

struct RecordingState final : public DraftState {
  explicit RecordingState(size_t number) : index(number) {}
  const size_t index;
};

// Taps two layers, proposes nothing, and keeps what it receives.
class TapRecordingModel final : public DraftModel {
 public:
  // `received` gets an entry per epoch.
  TapRecordingModel(std::vector<int32_t> layers, std::vector<Received>* received)
      : received_(*received) {
    info_ = {"tap-recorder", std::move(layers), 4096, 4};
  }

  const DraftModelInfo& info() const override { return info_; }

  std::unique_ptr<DraftState> NewState(int32_t start_position, const SamplingParams&) override {
    EXPECT_EQ(start_position, 0);
    received_.emplace_back();
    return std::make_unique<RecordingState>(received_.size() - 1);
  }

  absl::StatusOr<std::vector<ProposedTree>> Draft(std::span<const DraftInput> inputs) override {
    for (const DraftInput& input : inputs) {
      Received& received = received_[static_cast<RecordingState*>(input.state)->index];
      received.tokens.insert(received.tokens.end(), input.token_ids.begin(), input.token_ids.end());
      if (input.hidden_states.empty()) continue;
      if (received.hidden_states.empty()) {
        EXPECT_EQ(input.hidden_start_position, 0);
      }
      received.hidden_states.insert(received.hidden_states.end(), input.hidden_states.begin(),
                                    input.hidden_states.end());
    }
    return std::vector<ProposedTree>(inputs.size());
  }

 private:
  DraftModelInfo info_;
  std::vector<Received>& received_;  // read by the test once the drafter has stopped
};

class HiddenStatesTest : public E2eFixture {
 protected:
  void Start() {
    const std::string path = directory_.path() + "/tiny.gguf";
    WriteTinyLlama(path, {});
    OpenModel(path);
    layers_ = {1, model_->config().layer_count};
    StartDrafter(std::make_unique<TapRecordingModel>(layers_, &received_));
    VerifierConfig config = MakeVerifierConfig(Drafters::kOne);
    config.engine.prefill_chunk = 7;
    StartVerifier(config);
    ASSERT_TRUE(DrafterIsReady());
  }

  static v1::GenerateRequest MakeRequest(int prompt_size, int32_t max_tokens) {
    v1::GenerateRequest request;
    for (int i = 0; i < prompt_size; ++i) request.mutable_token_ids()->add_ids(3 + i * 7 % 256);
    request.mutable_stop()->set_max_tokens(max_tokens);
    request.mutable_stop()->set_ignore_eos(true);
    return request;
  }

  // The tokens of prompt and reply.
  std::vector<int32_t> Decode(const v1::GenerateRequest& request) {
    const ClientReply reply = Generate(request);
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    std::vector<int32_t> tokens(request.token_ids().ids().begin(), request.token_ids().ids().end());
    tokens.insert(tokens.end(), reply.token_ids.begin(), reply.token_ids.end());
    return tokens;
  }

  // All but the newest tokens have hidden states, and they are the reference's.
  void ExpectReference(const Received& received, const std::vector<int32_t>& tokens) {
    const LlamaForwardResult reference =
        LlamaForwardReference(model_->config(), model_->weights(), tokens);
    const size_t row = layers_.size() * model_->config().hidden_size;
    const size_t rows = received.hidden_states.size() / row;
    ASSERT_GE(rows, tokens.size() - 2);
    for (size_t position = 0; position < rows; ++position) {
      EXPECT_EQ(received.tokens[position], tokens[position]);
      size_t at = position * row;
      for (const int32_t layer : layers_) {
        for (const float value : reference.hidden_states[position][layer]) {
          ASSERT_EQ(received.hidden_states[at++], FloatToBf16(value))
              << "position " << position << " layer " << layer;
        }
      }
    }
  }

  void Stop() {
    verifier_.reset();
    drafter_.reset();
  }

  std::vector<int32_t> layers_;
  std::vector<Received> received_;
};

TEST_F(HiddenStatesTest, EqualTheReferenceBitForBit) {
  Start();
  const std::vector<int32_t> tokens = Decode(MakeRequest(40, 20));
  Stop();
  ASSERT_EQ(received_.size(), 1u);
  ExpectReference(received_[0], tokens);
}

TEST_F(HiddenStatesTest, ComeWithThePagesOfThePrefixCache) {
  Start();
  const std::vector<int32_t> first = Decode(MakeRequest(40, 20));
  v1::GenerateRequest next_turn = MakeRequest(0, 10);
  next_turn.mutable_token_ids()->mutable_ids()->Add(first.begin(), first.end());
  const std::vector<int32_t> second = Decode(next_turn);
  EXPECT_EQ(verifier_->metrics().kv_cache.prefix_hit_tokens.Value(), 48);
  Stop();
  ASSERT_EQ(received_.size(), 2u);
  ExpectReference(received_[1], second);
}

}  // namespace
}  // namespace chimera::testing
