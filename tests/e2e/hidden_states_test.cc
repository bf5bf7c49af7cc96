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

// What a drafter received of one sequence.
struct Received {
  std::vector<int32_t> tokens;
  std::vector<uint16_t> hidden_states;
};

// Taps two layers, proposes nothing, and keeps what it receives.
class TapRecordingModel final : public DraftModel {
 public:
  TapRecordingModel(std::vector<int32_t> layers, Received* received) : received_(received) {
    info_ = {"tap-recorder", std::move(layers), 4096, 1};
  }

  const DraftModelInfo& info() const override { return info_; }

  std::unique_ptr<DraftState> NewState(int32_t start_position, const SamplingParams&) override {
    EXPECT_EQ(start_position, 0);
    return std::make_unique<DraftState>();
  }

  std::vector<ProposedTree> Draft(std::span<const DraftInput> inputs) override {
    for (const DraftInput& input : inputs) {
      received_->tokens.insert(received_->tokens.end(), input.token_ids.begin(),
                               input.token_ids.end());
      received_->hidden_states.insert(received_->hidden_states.end(), input.hidden_states.begin(),
                                      input.hidden_states.end());
    }
    return std::vector<ProposedTree>(inputs.size());
  }

 private:
  DraftModelInfo info_;
  Received* const received_;  // read by the test once the drafter has stopped
};

class HiddenStatesTest : public E2eFixture {};

TEST_F(HiddenStatesTest, EqualTheReferenceBitForBit) {
  const std::string path = directory_.path() + "/tiny.gguf";
  WriteTinyLlama(path, {});
  OpenModel(path);
  const std::vector<int32_t> layers = {1, model_->config().layer_count};
  Received received;
  StartDrafter(std::make_unique<TapRecordingModel>(layers, &received));
  StartVerifier(Drafters::kOne, /*prefill_chunk=*/7);
  ASSERT_TRUE(DrafterIsReady());
  v1::GenerateRequest request;
  for (int i = 0; i < 40; ++i) request.mutable_token_ids()->add_ids(3 + i * 7 % 256);
  request.mutable_stop()->set_max_tokens(20);
  request.mutable_stop()->set_ignore_eos(true);
  const ClientReply reply = Generate(request);
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  verifier_.reset();
  drafter_.reset();

  std::vector<int32_t> tokens(request.token_ids().ids().begin(), request.token_ids().ids().end());
  tokens.insert(tokens.end(), reply.token_ids.begin(), reply.token_ids.end());
  const LlamaForwardResult reference =
      LlamaForwardReference(model_->config(), model_->weights(), tokens);
  const size_t row = layers.size() * model_->config().hidden_size;
  const size_t rows = received.hidden_states.size() / row;
  ASSERT_GE(rows, 58u) << "all but the newest tokens have hidden states";
  for (size_t position = 0; position < rows; ++position) {
    EXPECT_EQ(received.tokens[position], tokens[position]);
    size_t at = position * row;
    for (const int32_t layer : layers) {
      for (const float value : reference.hidden_states[position][layer]) {
        ASSERT_EQ(received.hidden_states[at++], FloatToBf16(value))
            << "position " << position << " layer " << layer;
      }
    }
  }
}

}  // namespace
}  // namespace chimera::testing
