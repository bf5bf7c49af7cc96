#include "common/backend/draft_context.h"

#include <algorithm>

namespace chimera {

DraftContext::DraftContext(const DraftNetworkConfig& config, int64_t start_position)
    : row_size_(static_cast<int64_t>(config.tapped_layers.size()) * config.hidden_size),
      context_window_(config.context_window),
      start_(start_position),
      ready_begin_(start_position) {}

void DraftContext::AddTokens(std::span<const int32_t> token_ids) {
  tokens_.insert(tokens_.end(), token_ids.begin(), token_ids.end());
}

void DraftContext::AddStates(int64_t position, std::span<const uint16_t> states) {
  if (states.empty()) return;
  const int64_t expected = ready_begin_ + static_cast<int64_t>(states_.size()) / row_size_;
  if (position != expected) {
    states_.clear();
    ready_begin_ = position;
    continues_ = false;
  }
  states_.insert(states_.end(), states.begin(), states.end());
}

Trigram DraftContext::TrigramAt(int64_t position) const {
  Trigram trigram;
  for (int64_t i = 0; i < 3; ++i) {
    const int64_t at = position - 2 + i - start_;
    trigram[i] = at >= 0 ? tokens_[at] : -1;
  }
  return trigram;
}

DraftContext::ReadyRows DraftContext::ready_rows() const {
  const int64_t states_end = ready_begin_ + static_cast<int64_t>(states_.size()) / row_size_;
  const int64_t end = std::max(ready_begin_, std::min(states_end, last_position()));
  if (end - ready_begin_ <= context_window_) return {ready_begin_, end, continues_};
  return {end - context_window_, end, false};
}

const uint16_t* DraftContext::StateAt(int64_t position) const {
  return states_.data() + (position - ready_begin_) * row_size_;
}

void DraftContext::MarkEncoded(int64_t position) {
  states_.erase(states_.begin(), states_.begin() + (position - ready_begin_) * row_size_);
  ready_begin_ = position;
  continues_ = true;
}

}  // namespace chimera
