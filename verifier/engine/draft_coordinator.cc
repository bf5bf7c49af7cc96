#include "verifier/engine/draft_coordinator.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace chimera {
namespace {

// Largest payload of one message (design of the protocol: drafter_service.proto).
constexpr size_t kMaxPayloadBytes = size_t{1} << 20;

// Steps between attempts to place a sequence on a drafter that was full.
constexpr int32_t kOverloadPauseSteps = 32;

// Builds the tree of a draft, root first.
absl::StatusOr<TokenTree> MakeTree(const Draft& draft, int32_t root_token, int32_t vocab_size) {
  std::vector<int32_t> tokens = {root_token};
  std::vector<int32_t> parents = {-1};
  tokens.insert(tokens.end(), draft.token_ids.begin(), draft.token_ids.end());
  parents.insert(parents.end(), draft.parents.begin(), draft.parents.end());
  return TokenTree::Create(tokens, parents, vocab_size);
}

bool AreDescendingProbabilities(std::span<const float> values) {
  float previous = 1.0f;
  for (const float value : values) {
    if (!(value >= 0.0f && value <= previous)) return false;  // also catches NaN
    previous = value;
  }
  return true;
}

}  // namespace

DraftCoordinator::DraftCoordinator(std::vector<DraftSource*> sources, const LlamaConfig& config,
                                   const DraftOptions& options, const Clock* clock)
    : config_(config), options_(options), clock_(clock) {
  for (DraftSource* source : sources) {
    Link link{};
    link.source = source;
    links_.push_back(std::move(link));
  }
}

void DraftCoordinator::Refresh() {
  bool changed = false;
  for (Link& link : links_) {
    std::optional<DraftSession> session = link.source->Session();
    const int64_t id = session.has_value() ? session->id : 0;
    if (id == (link.session.has_value() ? link.session->id : 0)) continue;
    link.session = std::move(session);
    link.pending_step = 0;
    link.behind = false;
    link.sequence_count = 0;
    changed = true;
  }
  if (changed) UpdateTappedLayers();
}

void DraftCoordinator::UpdateTappedLayers() {
  std::set<int32_t> layers;
  int32_t window = 0;
  bool any_session = false;
  for (const Link& link : links_) {
    if (!link.session.has_value()) continue;
    any_session = true;
    layers.insert(link.session->tapped_layers.begin(), link.session->tapped_layers.end());
    window = std::max(window, link.session->context_window);
  }
  if (!any_session) return;
  const std::vector<int32_t> wanted(layers.begin(), layers.end());
  if (wanted != tapped_layers_ || window != history_window_) {
    tapped_layers_ = wanted;
    history_window_ = window;
    ++tap_version_;
  }
  for (Link& link : links_) {
    link.tap_indices.clear();
    if (!link.session.has_value()) continue;
    for (const int32_t layer : link.session->tapped_layers) {
      const auto at = std::lower_bound(tapped_layers_.begin(), tapped_layers_.end(), layer);
      link.tap_indices.push_back(static_cast<int32_t>(at - tapped_layers_.begin()));
    }
  }
}

void DraftCoordinator::RecordHidden(Sequence* sequence, int32_t position,
                                    std::span<const uint16_t> row) {
  if (sequence->tap_version != tap_version_) {
    sequence->tap_version = tap_version_;
    sequence->hidden.Reset(static_cast<int64_t>(row.size()), history_window_);
  }
  sequence->hidden.Append(position, row);
}

void DraftCoordinator::Detach(Sequence* sequence) {
  DraftProgress& draft = sequence->draft;
  if (draft.source >= 0) {
    Link& link = links_[draft.source];
    if (link.session.has_value() && link.session->id == draft.session_id) --link.sequence_count;
  }
  draft.source = -1;
  draft.opened = false;
}

void DraftCoordinator::Assign(Sequence* sequence) {
  DraftProgress& draft = sequence->draft;
  if (draft.source >= 0) {
    const Link& link = links_[draft.source];
    if (link.session.has_value() && link.session->id == draft.session_id) return;
    Detach(sequence);
  }
  if (draft.pause_steps > 0) {
    --draft.pause_steps;
    return;
  }
  int best = -1;
  for (int i = 0; i < static_cast<int>(links_.size()); ++i) {
    const Link& link = links_[i];
    if (!link.session.has_value() || link.behind) continue;
    if (link.sequence_count >= link.session->max_sequences) continue;
    if (best < 0 || link.sequence_count < links_[best].sequence_count) best = i;
  }
  if (best < 0) return;
  draft.source = best;
  draft.session_id = links_[best].session->id;
  ++links_[best].sequence_count;
}

void DraftCoordinator::SetBudget(const Sequence& sequence, const DraftSession& session,
                                 DraftUpdate* update) const {
  if (sequence.prefilling()) return;
  const SpeculationOptions& options = sequence.request.speculation;
  const int32_t nodes = options.max_nodes > 0 ? options.max_nodes : options_.max_nodes;
  const int32_t depth = options.max_depth > 0 ? options.max_depth : options_.max_depth;
  // The deepest node must have a position inside the context.
  const int32_t room = config_.context_length - 1 - sequence.context_length;
  update->max_depth = std::min({depth, room, TokenTree::kMaxDepth});
  if (update->max_depth < 1) return;
  update->node_budget = std::min({nodes, session.max_nodes, TokenTree::kMaxNodes - 1});
}

std::optional<DraftUpdate> DraftCoordinator::MakeUpdate(Sequence* sequence) {
  DraftProgress& draft = sequence->draft;
  const DraftSession& session = *links_[draft.source].session;
  // The root of the next tree, or while a prompt is read its next token: one past the verified ones.
  const int32_t known_end = sequence->context_length + 1;
  const int32_t final_size = sequence->prefilling() ? sequence->prompt_size() : known_end;
  if (!draft.opened) {
    const int32_t start = std::max(0, final_size - session.context_window);
    if (known_end <= start) return std::nullopt;
    ++draft.epoch;
    draft.sent_end = start;
    draft.hidden_sent_end = start;
  }
  DraftUpdate update;
  SetBudget(*sequence, session, &update);
  // Nothing is sent while no tree is wanted, except a prompt as it is read.
  if (update.node_budget == 0 && !sequence->prefilling()) return std::nullopt;
  if (draft.sent_end == known_end && update.node_budget == 0) return std::nullopt;
  update.sequence_id = sequence->id;
  update.epoch = draft.epoch;
  update.start_position = draft.sent_end;
  update.token_ids = std::span<const int32_t>(sequence->tokens)
                         .subspan(draft.sent_end, known_end - draft.sent_end);
  if (!draft.opened) update.sampling = sequence->request.sampling;

  const HiddenHistory& hidden = sequence->hidden;
  if (!session.tapped_layers.empty() && sequence->tap_version == tap_version_) {
    const int32_t from = std::max(draft.hidden_sent_end, hidden.start());
    if (from < hidden.end()) {
      update.hidden_start_position = from;
      update.hidden_states = hidden.Rows(from, hidden.end());
    }
  }
  draft.node_budget = update.node_budget;
  draft.max_depth = update.max_depth;
  return update;
}

std::span<const uint16_t> DraftCoordinator::SelectTaps(const Link& link,
                                                       std::span<const uint16_t> rows) {
  if (link.tap_indices.size() == tapped_layers_.size()) return rows;
  std::vector<uint16_t>& selected = selected_taps_.emplace_back();
  const size_t width = config_.hidden_size;
  const size_t row_size = tapped_layers_.size() * width;
  for (size_t row = 0; row < rows.size(); row += row_size) {
    for (const int32_t tap : link.tap_indices) {
      const auto state = rows.subspan(row + tap * width, width);
      selected.insert(selected.end(), state.begin(), state.end());
    }
  }
  return selected;
}

bool DraftCoordinator::SendEarlyPieces(Link* link, size_t piece_bytes, DraftUpdate* update) {
  const size_t row_size = link->tap_indices.size() * config_.hidden_size;
  if (row_size == 0) return true;
  const size_t piece_rows = std::max<size_t>(1, piece_bytes / (row_size * sizeof(uint16_t)));
  while (update->hidden_states.size() > piece_rows * row_size) {
    // The tokens travel with the first piece: rows never run ahead of them.
    DraftUpdate piece = *update;
    piece.node_budget = 0;
    piece.hidden_states = update->hidden_states.first(piece_rows * row_size);
    if (link->source->Send(link->session->id, std::span(&piece, 1)) == 0) return false;
    update->start_position += static_cast<int32_t>(update->token_ids.size());
    update->token_ids = {};
    update->sampling.reset();
    update->hidden_start_position += static_cast<int32_t>(piece_rows);
    update->hidden_states = update->hidden_states.subspan(piece_rows * row_size);
  }
  return true;
}

void DraftCoordinator::SendToLink(int index, std::span<Sequence* const> sequences) {
  Link& link = links_[index];
  std::vector<DraftUpdate> updates;
  std::vector<Sequence*> senders;
  selected_taps_.clear();
  selected_taps_.reserve(sequences.size());
  bool sent = true;
  bool wants_trees = false;
  for (Sequence* sequence : sequences) {
    if (sequence->draft.source != index) continue;
    std::optional<DraftUpdate> update = MakeUpdate(sequence);
    if (!update.has_value()) continue;
    update->hidden_states = SelectTaps(link, update->hidden_states);
    sent = sent && SendEarlyPieces(&link, kMaxPayloadBytes / sequences.size(), &*update);
    wants_trees = wants_trees || update->node_budget > 0;
    updates.push_back(*update);
    senders.push_back(sequence);
  }
  if (updates.empty()) return;
  const int64_t step = sent ? link.source->Send(link.session->id, updates) : 0;
  for (Sequence* sequence : senders) {
    if (step == 0) {
      Detach(sequence);
      continue;
    }
    DraftProgress& draft = sequence->draft;
    draft.opened = true;
    draft.sent_end = sequence->context_length + 1;
    draft.hidden_sent_end = sequence->context_length;
  }
  if (step != 0 && wants_trees) {
    link.pending_step = step;
    link.deadline = clock_->Now() + options_.deadline;
  }
}

void DraftCoordinator::SendNews(std::span<Sequence* const> sequences) {
  for (Sequence* sequence : sequences) {
    if (sequence->request.speculation.enabled) Assign(sequence);
  }
  for (int i = 0; i < static_cast<int>(links_.size()); ++i) {
    if (links_[i].session.has_value() && !links_[i].behind) SendToLink(i, sequences);
  }
}

bool DraftCoordinator::AcceptDraft(const Draft& draft, Sequence* sequence) const {
  if (draft.epoch != sequence->draft.epoch || draft.root_position != sequence->context_length ||
      static_cast<int32_t>(draft.token_ids.size()) > sequence->draft.node_budget ||
      draft.parents.size() != draft.token_ids.size() ||
      draft.path_probabilities.size() != draft.token_ids.size() ||
      !AreDescendingProbabilities(draft.path_probabilities)) {
    return false;
  }
  absl::StatusOr<TokenTree> tree = MakeTree(draft, sequence->tokens.back(), config_.vocab_size);
  if (!tree.ok()) return false;
  for (int node = 0; node < tree->size(); ++node) {
    if (tree->depth(node) > sequence->draft.max_depth) return false;
  }
  sequence->tree = *std::move(tree);
  sequence->path_probabilities = draft.path_probabilities;
  return true;
}

void DraftCoordinator::CollectDrafts(std::span<Sequence* const> sequences) {
  for (Sequence* sequence : sequences) {
    if (sequence->prefilling()) continue;
    sequence->tree = TokenTree::RootOnly(sequence->tokens.back());
    sequence->path_probabilities.clear();
  }
  for (Link& link : links_) {
    if (link.pending_step == 0 || !link.session.has_value()) continue;
    if (link.behind) {
      // A stalled drafter costs one deadline, not one per step.
      link.behind = !link.source->HasAnswered(link.pending_step);
      if (!link.behind) link.pending_step = 0;
      continue;
    }
    const std::optional<std::vector<Draft>> drafts =
        link.source->WaitReply(link.pending_step, link.deadline);
    if (!drafts.has_value()) {
      link.behind = true;
      continue;
    }
    link.pending_step = 0;
    for (const Draft& draft : *drafts) {
      const auto owner = std::find_if(
          sequences.begin(), sequences.end(),
          [&draft](const Sequence* sequence) { return sequence->id == draft.sequence_id; });
      if (owner == sequences.end()) continue;
      if (draft.outcome != DraftOutcome::kDrafted) {
        Detach(*owner);
        if (draft.outcome == DraftOutcome::kOverloaded) {
          (*owner)->draft.pause_steps = kOverloadPauseSteps;
        }
        continue;
      }
      const bool used = !(*owner)->prefilling() && AcceptDraft(draft, *owner);
      link.source->CountDraft(used);
    }
  }
}

void DraftCoordinator::Close(const Sequence& sequence) {
  const DraftProgress& draft = sequence.draft;
  if (draft.source < 0) return;
  Link& link = links_[draft.source];
  if (!link.session.has_value() || link.session->id != draft.session_id) return;
  --link.sequence_count;
  link.source->Close(draft.session_id, std::span(&sequence.id, 1));
}

}  // namespace chimera
