// What a drafter has been told of one sequence, on its way into a draft network.

#ifndef CHIMERA_COMMON_BACKEND_DRAFT_CONTEXT_H_
#define CHIMERA_COMMON_BACKEND_DRAFT_CONTEXT_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "common/model/draft_network_config.h"

namespace chimera {

// Three tokens that follow each other, the newest last; -1 where there is none.
using Trigram = std::array<int32_t, 3>;

// Tokens and hidden states that came, the states until they are encoded. Row j belongs to the
// features of position j and the token of position j + 1. A network makes contexts
// (DraftNetwork::NewContext) and adds what it keeps of those rows that it has encoded. One thread
// at a time.
class DraftContext {
 public:
  DraftContext(const DraftNetworkConfig& config, int64_t start_position);
  virtual ~DraftContext() = default;
  DraftContext(const DraftContext&) = delete;
  DraftContext& operator=(const DraftContext&) = delete;

  void AddTokens(std::span<const int32_t> token_ids);

  // `states` [n_positions, n_tapped, hidden_size] bf16 bits; those from a later position than
  // expected make the context start again there.
  void AddStates(int64_t position, std::span<const uint16_t> states);

  // Position of the newest token; before the first token, that before the start.
  int64_t last_position() const { return start_ + static_cast<int64_t>(tokens_.size()) - 1; }

  // Whether drafting can start: the newest row is encoded, the one before the newest token.
  bool is_current() const { return continues_ && ready_begin_ == last_position(); }

  // What follows is for networks.

  // Tokens at position - 2, position - 1, position; -1 where none is known.
  Trigram TrigramAt(int64_t position) const;

  // Rows whose features and token are known and that are not encoded, the newest context_window of
  // them.
  struct ReadyRows {
    int64_t begin;  // positions
    int64_t end;
    // Whether the row before the first is encoded. If not, what was encoded earlier is to be
    // forgotten.
    bool continue_window;
  };
  ReadyRows ready_rows() const;
  // The state of a ready row.
  const uint16_t* StateAt(int64_t position) const;

  // Says that the rows before `position` are encoded, and forgets their states.
  void MarkEncoded(int64_t position);

 private:
  const int64_t row_size_;  // elements of one position's states
  const int64_t context_window_;
  const int64_t start_;
  std::vector<int32_t> tokens_;   // from start_ on
  int64_t ready_begin_;           // position of the first row of states_
  std::vector<uint16_t> states_;  // [n_rows, row_size_]
  bool continues_ = false;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_BACKEND_DRAFT_CONTEXT_H_
