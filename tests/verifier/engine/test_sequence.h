// Sequences that go on without a model: what their tokens and hidden states are depends on their id
// only.

#ifndef CHIMERA_TESTS_VERIFIER_ENGINE_TEST_SEQUENCE_H_
#define CHIMERA_TESTS_VERIFIER_ENGINE_TEST_SEQUENCE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "common/model/llama_config.h"
#include "verifier/engine/sequence.h"

namespace chimera::testing {

// The model that they would be of.
inline LlamaConfig TestConfig(int32_t hidden_size = 4) {
  LlamaConfig config;
  config.layer_count = 8;
  config.hidden_size = hidden_size;
  config.vocab_size = 100;
  config.context_length = 8192;
  return config;
}

inline int32_t TestToken(int64_t id, int32_t position) {
  return static_cast<int32_t>((id * 31 + int64_t{position} * 7) % 100);
}

// The state after a layer, [hidden_size]; no two are alike.
inline std::vector<uint16_t> TestState(int64_t id, int32_t position, int32_t layer,
                                       int32_t hidden_size) {
  std::vector<uint16_t> state(hidden_size);
  for (int32_t i = 0; i < hidden_size; ++i) {
    state[i] = static_cast<uint16_t>(int64_t{position} * 8 + layer + id * 5003 + int64_t{i} * 257);
  }
  return state;
}

// The states of several layers, [layers.size(), hidden_size].
inline std::vector<uint16_t> TestRow(int64_t id, int32_t position, std::span<const int32_t> layers,
                                     int32_t hidden_size) {
  std::vector<uint16_t> row;
  for (const int32_t layer : layers) {
    const std::vector<uint16_t> state = TestState(id, position, layer, hidden_size);
    row.insert(row.end(), state.begin(), state.end());
  }
  return row;
}

// A sequence whose prompt waits to be read.
inline std::unique_ptr<Sequence> MakeTestSequence(int64_t id, int32_t prompt_size) {
  QueuedRequest queued;
  for (int32_t i = 0; i < prompt_size; ++i) queued.request.prompt.push_back(TestToken(id, i));
  queued.request.sampling.seed = static_cast<uint64_t>(id);
  auto sequence = std::make_unique<Sequence>(std::move(queued), nullptr);
  sequence->id = id;
  sequence->group = 0;
  return sequence;
}

// As if the model had taken in so many positions more. Hidden states are the caller's part.
inline void Advance(Sequence* sequence, int32_t positions) {
  sequence->context_length += positions;
  if (sequence->prefilling()) return;
  while (static_cast<int32_t>(sequence->tokens.size()) <= sequence->context_length) {
    const int32_t position = static_cast<int32_t>(sequence->tokens.size());
    sequence->tokens.push_back(TestToken(sequence->id, position));
  }
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_VERIFIER_ENGINE_TEST_SEQUENCE_H_
