// What tests of draft networks begin with.

#ifndef CHIMERA_TESTS_DRAFTER_NETWORK_DRAFT_NETWORK_FIXTURE_H_
#define CHIMERA_TESTS_DRAFTER_NETWORK_DRAFT_NETWORK_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/backend/draft_network.h"
#include "common/base/float16.h"
#include "drafter/network/draft_network_reference.h"
#include "drafter/network/drafter_file.h"
#include "tests/testing/quantize.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_drafter.h"

namespace chimera::testing {

inline constexpr int32_t kVocabSize = 320;

// A sequence as a drafter gets to know it.
struct Sequence {
  int64_t start_position = 0;
  std::vector<int32_t> tokens;
  int64_t first_row = 0;
  std::vector<uint16_t> states;

  DraftReferenceContext reference() const { return {start_position, tokens, first_row, states}; }
};

// A tiny drafter of random weights and an embedding for it.
class DraftNetworkFixture : public ::testing::Test {
 protected:
  void Open(const TinyDrafterOptions& options) {
    BuildTinyDrafter(options).Write(path_);
    absl::StatusOr<std::unique_ptr<DrafterFile>> file = DrafterFile::Open(path_);
    CHIMERA_ASSERT_OK(file.status());
    file_ = *std::move(file);
    std::vector<float> values(kVocabSize * options.hidden_size);
    for (float& value : values) value = Uniform();
    embedding_bytes_ = Quantize(DataType::kQ8_0, values);
    embedding_ = {DataType::kQ8_0, kVocabSize, options.hidden_size,
                  std::as_bytes(std::span<const char>(embedding_bytes_))};
  }

  // What networks are made from; the weights are those of the file that was opened.
  DraftNetworkModel model() const {
    return {.config = file_->config(),
            .weights = file_->weights(),
            .embedding = embedding_,
            .position_limit = 512};
  }

  float Uniform() { return static_cast<float>(random_() >> 8) * 0x1p-23f - 1.0f; }

  std::vector<int32_t> RandomTokens(int64_t count) {
    std::vector<int32_t> tokens(count);
    for (int32_t& token : tokens) token = static_cast<int32_t>(random_() % kVocabSize);
    return tokens;
  }

  Sequence RandomSequence(int64_t start, int64_t token_count) {
    Sequence sequence = {start, RandomTokens(token_count), start, {}};
    sequence.states.resize((token_count - 1) * row_size());
    for (uint16_t& value : sequence.states) value = FloatToBf16(2 * Uniform());
    return sequence;
  }

  // Its first tokens, at least one, and the states before the last of them.
  Sequence Beginning(const Sequence& whole, size_t token_count) const {
    Sequence beginning = whole;
    beginning.tokens.resize(token_count);
    beginning.states.resize((token_count - 1) * row_size());
    return beginning;
  }

  // Forgets the states before a row.
  void ForgetStatesBefore(int64_t row, Sequence* sequence) const {
    std::vector<uint16_t>& states = sequence->states;
    states.erase(states.begin(), states.begin() + (row - sequence->first_row) * row_size());
    sequence->first_row = row;
  }

  // Tells a context that knows the first `known` tokens the others, and what states are missing.
  void AddRest(const Sequence& sequence, size_t known, DraftContext* context) const {
    const size_t first = known == 0 ? 0 : known - 1;  // the newest token has no state yet
    context->AddTokens(std::span(sequence.tokens).subspan(known));
    context->AddStates(sequence.start_position + static_cast<int64_t>(first),
                       std::span(sequence.states).subspan(first * row_size()));
  }

  // Tells a fresh context, from position 0, a sequence of whose states some never come, and has
  // each piece encoded. What the context should go by: the sequence from behind the gap.
  Sequence EncodeWithAGap(DraftNetwork* network, DraftContext* context) {
    Sequence sequence = RandomSequence(0, 40);
    DraftContext* const contexts[] = {context};
    context->AddTokens(sequence.tokens);
    context->AddStates(0, std::span(sequence.states).first(10 * row_size()));
    CHIMERA_EXPECT_OK(network->EncodeContexts(contexts));
    EXPECT_FALSE(context->is_current());
    context->AddStates(20, std::span(sequence.states).subspan(20 * row_size()));
    CHIMERA_EXPECT_OK(network->EncodeContexts(contexts));
    EXPECT_TRUE(context->is_current());
    ForgetStatesBefore(20, &sequence);
    return sequence;
  }

  int64_t row_size() const {
    return static_cast<int64_t>(file_->config().tapped_layers.size()) * file_->config().hidden_size;
  }

  static std::unique_ptr<DraftContext> MakeContext(const Sequence& sequence,
                                                   DraftNetwork* network) {
    std::unique_ptr<DraftContext> context = network->NewContext(sequence.start_position);
    context->AddTokens(sequence.tokens);
    context->AddStates(sequence.first_row, sequence.states);
    return context;
  }

  std::vector<std::vector<float>> Reference(const Sequence& sequence,
                                            const std::vector<int32_t>& path) const {
    return DraftNetworkReference(file_->config(), file_->weights(), embedding_,
                                 sequence.reference(), path);
  }

  static std::vector<float> Logits(const DraftLogits& logits, int64_t row) {
    return {logits.row(row).begin(), logits.row(row).end()};
  }

  const TempDirectory directory_;
  const std::string path_ = directory_.path() + "/drafter.safetensors";
  std::mt19937 random_{5};
  std::unique_ptr<DrafterFile> file_;
  std::string embedding_bytes_;
  TensorView embedding_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_DRAFTER_NETWORK_DRAFT_NETWORK_FIXTURE_H_
