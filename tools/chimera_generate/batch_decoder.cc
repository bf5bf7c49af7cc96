#include "tools/chimera_generate/batch_decoder.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "verifier/kv_cache/page_allocator.h"

namespace chimera {

BatchDecoder::BatchDecoder(Backend* backend, Options options)
    : backend_(backend), options_(std::move(options)), slots_(backend->limits().slot_count) {
  const int32_t pages = PagesForPositions(options_.max_length);
  int32_t first = 0;
  for (Slot& slot : slots_) {
    slot.pages.resize(pages);
    std::iota(slot.pages.begin(), slot.pages.end(), first);
    first += pages;
  }
}

void BatchDecoder::Start(GenerationPrompt prompt, Slot* slot) const {
  const int32_t length = static_cast<int32_t>(prompt.token_ids.size());
  const int32_t response_length = static_cast<int32_t>(prompt.response_ids.size());
  CHIMERA_CHECK(length + std::max(response_length, 1) <= options_.max_length)
      << length << " tokens, and " << response_length << " of the answer";
  slot->is_active = true;
  slot->sampling = prompt.sampling;
  slot->seen = 0;
  if (response_length > 0) {
    // What was generated ends with a token that the target has not seen.
    slot->end = length + response_length;
    slot->given = slot->end - 1;
  } else {
    slot->end = std::min(options_.max_length, length + prompt.max_tokens);
    slot->given = length;
  }
  slot->sequence = {.prompt_index = prompt.index,
                    .temperature = prompt.sampling.temperature,
                    .token_ids = std::move(prompt.token_ids),
                    .response_start = length,
                    .hidden_states = {}};
  slot->sequence.token_ids.insert(slot->sequence.token_ids.end(), prompt.response_ids.begin(),
                                  prompt.response_ids.end());
}

void BatchDecoder::PlanStep() {
  steps_.clear();
  step_slots_.clear();
  int32_t room = options_.prefill_chunk;
  for (const size_t index : arrivals_) {
    const Slot& slot = slots_[index];
    const int32_t length = static_cast<int32_t>(slot.sequence.token_ids.size());
    const std::span<const int32_t> unseen =
        std::span(slot.sequence.token_ids).first(std::min(length, slot.end - 1)).subspan(slot.seen);
    const bool is_given = slot.seen < slot.given;
    const size_t count = is_given ? std::min<size_t>(room, unseen.size()) : unseen.size();
    if (count == 0) continue;
    if (is_given) room -= static_cast<int32_t>(count);
    steps_.push_back({.slot = static_cast<int32_t>(index),
                      .pages = slot.pages,
                      .context_length = slot.seen,
                      .chunk = unseen.first(count),
                      .sample = count == unseen.size() && length < slot.end,
                      .sampling = slot.sampling,
                      .outputs = {.hidden_states = !options_.tapped_layers.empty()}});
    step_slots_.push_back(index);
  }
}

bool BatchDecoder::Advance(const StepResult& result, size_t step_index, Slot* slot) const {
  const SequenceStep& step = steps_[step_index];
  const int64_t first = result.first_row[step_index];
  const int64_t rows = step.row_count();
  const int64_t row_size =
      static_cast<int64_t>(options_.tapped_layers.size()) * backend_->config().hidden_size;
  const auto states = result.hidden_states.begin() + first * row_size;
  slot->sequence.hidden_states.insert(slot->sequence.hidden_states.end(), states,
                                      states + rows * row_size);
  slot->seen += static_cast<int32_t>(rows);
  if (!step.sample) return slot->seen == slot->end - 1;
  const int32_t token = result.chosen[first + rows - 1];
  std::vector<int32_t>& token_ids = slot->sequence.token_ids;
  token_ids.push_back(token);
  return token == options_.end_token || static_cast<int32_t>(token_ids.size()) >= slot->end;
}

absl::Status BatchDecoder::Run(const Source& source, const Sink& sink) {
  for (;;) {
    for (size_t index = 0; index < slots_.size(); ++index) {
      if (slots_[index].is_active) continue;
      std::optional<GenerationPrompt> prompt = source();
      if (!prompt.has_value()) break;
      Start(*std::move(prompt), &slots_[index]);
      arrivals_.push_back(index);
    }
    PlanStep();
    if (steps_.empty()) return absl::OkStatus();
    CHIMERA_RETURN_IF_ERROR(
        backend_->Submit({.sequences = steps_, .tapped_layers = options_.tapped_layers}));
    CHIMERA_ASSIGN_OR_RETURN(const StepResult* const result, backend_->Wait());
    for (size_t i = 0; i < steps_.size(); ++i) {
      Slot& slot = slots_[step_slots_[i]];
      if (!Advance(*result, i, &slot)) continue;
      slot.is_active = false;
      CHIMERA_RETURN_IF_ERROR(sink(std::move(slot.sequence)));
    }
    std::erase_if(arrivals_, [&](size_t index) { return !slots_[index].is_active; });
  }
}

}  // namespace chimera
