// What a draft network remembers of one sequence.

#ifndef CHIMERA_DRAFTER_NETWORK_DRAFT_CONTEXT_H_
#define CHIMERA_DRAFTER_NETWORK_DRAFT_CONTEXT_H_

#include <cstdint>
#include <span>
#include <vector>

#include "drafter/network/context_window.h"
#include "drafter/network/draft_network_config.h"
#include "drafter/network/trigram_encoder.h"

namespace chimera {

// Tokens and hidden states that came, those of them that are not encoded yet, and the encoder's
// keys, values and newest row. Row j belongs to the features of position j and the token of
// position j + 1. DraftNetwork fills it.
class DraftContext {
 public:
  DraftContext(const DraftNetworkConfig& config, int64_t start_position);

  void AddTokens(std::span<const int32_t> token_ids);

  // `states` [n_positions, n_tapped, hidden_size] bf16 bits; those from a later position than
  // expected make the context start again there.
  void AddStates(int64_t position, std::span<const uint16_t> states);

  // Position of the newest token; before the first token, that before the start.
  int64_t last_position() const { return start_ + static_cast<int64_t>(tokens_.size()) - 1; }

  // Tokens at position - 2, position - 1, position; -1 where none is known.
  Trigram TrigramAt(int64_t position) const;

  // Rows whose features and token are known and that are not encoded.
  int64_t ready_begin() const { return ready_begin_; }
  int64_t ready_end() const;
  // The state of a ready row.
  const uint16_t* StateAt(int64_t position) const;
  // Forgets the states of rows before `position`.
  void DropStates(int64_t position);

  ContextWindow window;
  // Of the newest row that is encoded, window.end() - 1: its z [hidden_size] and the residuals
  // [depth_heads, hidden_size] of its features.
  std::vector<float> z;
  std::vector<float> residuals;

  // Whether drafting can start: the newest row is the one before the newest token.
  bool is_current() const { return !z.empty() && window.end() == last_position(); }

 private:
  const int64_t row_size_;  // elements of one position's states
  const int64_t start_;
  std::vector<int32_t> tokens_;   // from start_ on
  int64_t ready_begin_;           // position of the first row of states_
  std::vector<uint16_t> states_;  // [n_rows, row_size_]
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_NETWORK_DRAFT_CONTEXT_H_
