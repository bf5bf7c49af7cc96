// Decodes many prompts at full batch, without a service around it.

#ifndef CHIMERA_TOOLS_CHIMERA_GENERATE_BATCH_DECODER_H_
#define CHIMERA_TOOLS_CHIMERA_GENERATE_BATCH_DECODER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "common/backend/backend.h"
#include "tools/chimera_generate/prompt_file.h"

namespace chimera {

// A prompt and its answer.
struct GeneratedSequence {
  int64_t prompt_index = 0;
  float temperature = 0;
  std::vector<int32_t> token_ids;  // prompt and answer, the token that ended it included
  int32_t response_start = 0;      // index of the answer's first token
  // bf16 bits [n_tokens - 1, n_tapped, hidden_size]: the target has not seen the last token.
  std::vector<uint16_t> hidden_states;
};

// Keeps all slots of a backend busy: a sequence that ends is replaced in the next step. Answers are
// those that a verifier would give. An answer that comes with its prompt is read as the prompt is,
// in chunks; its hidden states are those that it had when it was generated, bit for bit. Sequences
// that are only read leave in the order in which they came. One thread.
class BatchDecoder {
 public:
  struct Options {
    std::vector<int32_t> tapped_layers;
    int32_t prefill_chunk = 0;
    int32_t max_length = 0;  // positions of a sequence; pages per slot follow from it
    int32_t end_token = -1;
  };

  // REQUIRES: the backend has limits().slot_count times PagesForPositions(max_length) pages, and
  // steps of slot_count + prefill_chunk rows.
  BatchDecoder(Backend* backend, Options options);

  // The next prompt, or nothing if there are no more. At most max_length tokens with the answer,
  // which has at least one.
  using Source = std::function<std::optional<GenerationPrompt>()>;
  using Sink = std::function<absl::Status(GeneratedSequence)>;

  // Decodes until `source` is empty. Returns the first error of `sink` or the backend.
  absl::Status Run(const Source& source, const Sink& sink);

 private:
  struct Slot {
    bool is_active = false;
    SamplingParams sampling;
    int32_t given = 0;  // tokens that are read in chunks; the next one is sampled, or known too
    int32_t end = 0;    // tokens at which the sequence ends
    std::vector<int32_t> pages;
    GeneratedSequence sequence;
    int32_t seen = 0;  // tokens whose K/V is in the pages
  };

  void Start(GenerationPrompt prompt, Slot* slot) const;
  // Lists what the slots compute next.
  void PlanStep();
  // Takes in what the step gave a slot. Returns whether its sequence is complete.
  bool Advance(const StepResult& result, size_t step_index, Slot* slot) const;

  Backend* const backend_;
  const Options options_;
  std::vector<Slot> slots_;
  std::vector<size_t> arrivals_;  // active slots, the one that began first in front
  std::vector<SequenceStep> steps_;
  std::vector<size_t> step_slots_;  // [n_steps] index of each step's slot
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_GENERATE_BATCH_DECODER_H_
