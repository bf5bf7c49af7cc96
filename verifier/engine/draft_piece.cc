#include "verifier/engine/draft_piece.h"

#include <algorithm>
#include <span>

#include "common/base/check.h"
#include "common/tree/token_tree.h"

namespace chimera {
namespace {

// Generous bounds of what an update takes in a message beside tokens and hidden states, and a
// token. The first also keeps the sequences of a message below the protocol's 4096.
constexpr size_t kUpdateBytes = 256;
constexpr size_t kTokenBytes = 5;

// The newest token has no hidden state yet; while a prompt is read, that is its next token.
int32_t KnownEnd(const Sequence& sequence) { return sequence.context_length + 1; }

// Of a prompt, a drafter gets the last window only.
int32_t WindowStart(const Sequence& sequence, const DraftSession& session) {
  const int32_t end = sequence.prefilling() ? sequence.prefill_end() : KnownEnd(sequence);
  return end - std::min(end, session.context_window);
}

}  // namespace

void DraftPiece::DropWish() {
  update.node_budget = progress.node_budget = 0;
  update.max_depth = progress.max_depth = 0;
}

DraftPieceMaker::DraftPieceMaker(const LlamaConfig& config, const DraftOptions& options,
                                 const TapUnion* taps)
    : config_(config), options_(options), taps_(taps) {}

size_t DraftPieceMaker::MinRoom(int source) const {
  return kUpdateBytes + kTokenBytes +
         static_cast<size_t>(taps_->row_size(source)) * sizeof(uint16_t);
}

std::optional<DraftPiece> DraftPieceMaker::Next(const Sequence& sequence,
                                                const DraftSession& session, size_t room) const {
  CHIMERA_CHECK(room >= MinRoom(sequence.placement.source)) << room << " bytes";
  // Nothing is sent while no tree is wanted, except a prompt as it is read.
  const Wish wish = MakeWish(sequence, session);
  if (wish.nodes == 0 && !sequence.prefilling()) return std::nullopt;
  DraftPiece piece;
  piece.progress = sequence.draft;
  if (!sequence.draft.opened || LacksLostRows(sequence)) {
    const int32_t start = WindowStart(sequence, session);
    if (start >= KnownEnd(sequence)) return std::nullopt;
    StartEpoch(sequence, start, &piece);
  }
  size_t left = room - kUpdateBytes;
  AddTokens(sequence, &left, &piece);
  AddRows(sequence, &left, &piece);
  piece.bytes = room - left;

  DraftUpdate& update = piece.update;
  DraftProgress& progress = piece.progress;
  update.sequence_id = sequence.id;
  update.epoch = progress.epoch;
  const bool all_rows = !HasRows(sequence) || progress.hidden_sent_end == sequence.hidden.end();
  progress.up_to_date = progress.sent_end == KnownEnd(sequence) && all_rows;
  update.node_budget = progress.node_budget = progress.up_to_date ? wish.nodes : 0;
  update.max_depth = progress.max_depth = progress.up_to_date ? wish.depth : 0;
  const bool is_empty = update.token_ids.empty() && update.hidden_states.empty();
  if (is_empty && update.node_budget == 0) return std::nullopt;
  return piece;
}

DraftPieceMaker::Wish DraftPieceMaker::MakeWish(const Sequence& sequence,
                                                const DraftSession& session) const {
  if (sequence.prefilling()) return {};
  const SpeculationOptions& options = sequence.request.speculation;
  const int32_t nodes = options.max_nodes > 0 ? options.max_nodes : options_.max_nodes;
  const int32_t depth = options.max_depth > 0 ? options.max_depth : options_.max_depth;
  // The deepest node must have a position inside the context.
  const int32_t room = config_.context_length - 1 - sequence.context_length;
  const int32_t max_depth = std::min({depth, room, TokenTree::kMaxDepth});
  if (max_depth < 1) return {};
  return {std::min({nodes, session.max_nodes, TokenTree::kMaxNodes - 1}), max_depth};
}

bool DraftPieceMaker::HasRows(const Sequence& sequence) const {
  return taps_->row_size(sequence.placement.source) > 0 &&
         sequence.tap_version == taps_->version() &&
         sequence.hidden.start() < sequence.hidden.end();
}

bool DraftPieceMaker::LacksLostRows(const Sequence& sequence) const {
  return HasRows(sequence) && sequence.draft.hidden_sent_end < sequence.hidden.start();
}

void DraftPieceMaker::StartEpoch(const Sequence& sequence, int32_t start, DraftPiece* piece) const {
  DraftProgress& progress = piece->progress;
  progress.opened = true;
  ++progress.epoch;
  progress.sent_end = start;
  // Where nothing is kept, the next position verified is the first whose row there will be.
  const int32_t first_row = HasRows(sequence) ? sequence.hidden.start() : sequence.context_length;
  progress.hidden_sent_end = std::max(start, first_row);
  piece->update.sampling = sequence.request.sampling;
}

void DraftPieceMaker::AddTokens(const Sequence& sequence, size_t* room, DraftPiece* piece) const {
  int32_t& sent_end = piece->progress.sent_end;
  const size_t count =
      std::min(static_cast<size_t>(KnownEnd(sequence) - sent_end), *room / kTokenBytes);
  piece->update.start_position = sent_end;
  piece->update.token_ids = std::span<const int32_t>(sequence.tokens).subspan(sent_end, count);
  sent_end += static_cast<int32_t>(count);
  *room -= count * kTokenBytes;
}

void DraftPieceMaker::AddRows(const Sequence& sequence, size_t* room, DraftPiece* piece) const {
  if (!HasRows(sequence)) return;
  int32_t& sent_end = piece->progress.hidden_sent_end;
  // Not of the newest token that the drafter knows.
  const int32_t end = std::min(sequence.hidden.end(), piece->progress.sent_end - 1);
  if (sent_end >= end) return;
  const int source = sequence.placement.source;
  const size_t row_bytes = static_cast<size_t>(taps_->row_size(source)) * sizeof(uint16_t);
  const size_t count = std::min(static_cast<size_t>(end - sent_end), *room / row_bytes);
  if (count == 0) return;
  const int32_t rows_end = sent_end + static_cast<int32_t>(count);
  piece->update.hidden_start_position = sent_end;
  piece->update.hidden_states =
      taps_->Select(source, sequence.hidden.Rows(sent_end, rows_end), &piece->selected);
  sent_end = rows_end;
  *room -= count * row_bytes;
}

}  // namespace chimera
