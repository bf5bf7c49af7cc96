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
  CHIMERA_CHECK(length < options_.max_length) << length << " tokens";
  slot->is_active = true;
  slot->sampling = prompt.sampling;
  slot->end = std::min(options_.max_length, length + prompt.max_tokens);
  slot->seen = 0;
  slot->sequence = {.prompt_index = prompt.index,
                    .temperature = prompt.sampling.temperature,
                    .token_ids = std::move(prompt.token_ids),
                    .response_start = length,
                    .hidden_states = {}};
}

void BatchDecoder::PlanStep() {
  steps_.clear();
  step_slots_.clear();
  int32_t prompt_room = options_.prefill_chunk;
  for (size_t index = 0; index < slots_.size(); ++index) {
    const Slot& slot = slots_[index];
    if (!slot.is_active) continue;
    const std::span<const int32_t> unseen = std::span(slot.sequence.token_ids).subspan(slot.seen);
    const bool is_prompt = slot.seen < slot.sequence.response_start;
    const size_t count = is_prompt ? std::min<size_t>(prompt_room, unseen.size()) : unseen.size();
    if (count == 0) continue;
    if (is_prompt) prompt_room -= static_cast<int32_t>(count);
    steps_.push_back({.slot = static_cast<int32_t>(index),
                      .pages = slot.pages,
                      .context_length = slot.seen,
                      .chunk = unseen.first(count),
                      .sample = count == unseen.size(),
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
  if (!step.sample) return false;
  const int32_t token = result.chosen[first + rows - 1];
  std::vector<int32_t>& token_ids = slot->sequence.token_ids;
  token_ids.push_back(token);
  return token == options_.end_token || static_cast<int32_t>(token_ids.size()) >= slot->end;
}

absl::Status BatchDecoder::Run(const Source& source, const Sink& sink) {
  for (;;) {
    for (Slot& slot : slots_) {
      if (slot.is_active) continue;
      std::optional<GenerationPrompt> prompt = source();
      if (!prompt.has_value()) break;
      Start(*std::move(prompt), &slot);
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
  }
}

}  // namespace chimera
