// Brings drafters up to date and turns their replies into trees.

#ifndef CHIMERA_VERIFIER_ENGINE_DRAFT_COORDINATOR_H_
#define CHIMERA_VERIFIER_ENGINE_DRAFT_COORDINATOR_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/base/clock.h"
#include "common/model/llama_config.h"
#include "verifier/drafter_client/draft_source.h"
#include "verifier/engine/sequence.h"

namespace chimera {

struct DraftOptions {
  std::chrono::microseconds deadline{50'000};  // longest wait for a reply, counted from the request
  int32_t max_nodes = 8;  // default of a request that names none, root excluded
  int32_t max_depth = 5;  // likewise
};

// Assigns sequences to drafters, sends each drafter what it does not know yet, and validates what
// comes back. Whatever goes wrong with a drafter costs a sequence its tree for a step. The engine's
// thread only.
class DraftCoordinator {
 public:
  // `sources` and `clock` must outlive the coordinator.
  DraftCoordinator(std::vector<DraftSource*> sources, const LlamaConfig& config,
                   const DraftOptions& options, const Clock* clock);

  // Notices sessions that began or ended. Call once per step, before the step is built.
  void Refresh();

  // Layers to tap in the next step, for all drafters together. They outlast a session, so that the
  // history is there when its drafter comes back.
  std::span<const int32_t> tapped_layers() const { return tapped_layers_; }

  // Keeps the tapped states of a position that was just committed, [n_tapped, hidden_size].
  void RecordHidden(Sequence* sequence, int32_t position, std::span<const uint16_t> row);

  // Sends the news of the sequences and asks for trees for those that decode.
  void SendNews(std::span<Sequence* const> sequences);

  // Sets the tree of every decoding sequence: the draft if a valid one came in time, else the root
  // alone.
  void CollectDrafts(std::span<Sequence* const> sequences);

  // Frees a sequence at its drafter.
  void Close(const Sequence& sequence);

 private:
  // What is known of one source.
  struct Link {
    DraftSource* source;
    std::optional<DraftSession> session;
    std::vector<int32_t> tap_indices;  // its tapped layers as indices into tapped_layers_
    int32_t sequence_count = 0;
    int64_t pending_step = 0;  // step whose reply is awaited, 0 if none
    bool behind = false;       // the reply to pending_step missed its deadline
    std::chrono::steady_clock::time_point deadline;
  };

  void UpdateTappedLayers();
  void Assign(Sequence* sequence);
  void Detach(Sequence* sequence);
  // Fills in the news of `sequence`; nothing if there is nothing to send.
  std::optional<DraftUpdate> MakeUpdate(Sequence* sequence);
  void SetBudget(const Sequence& sequence, const DraftSession& session, DraftUpdate* update) const;
  // Sends all but the last piece of a long update, shortening `update` to that piece.
  bool SendEarlyPieces(Link* link, size_t piece_bytes, DraftUpdate* update);
  void SendToLink(int index, std::span<Sequence* const> sequences);
  bool AcceptDraft(const Draft& draft, Sequence* sequence) const;
  // The elements of `rows` that the link's drafter asked for.
  std::span<const uint16_t> SelectTaps(const Link& link, std::span<const uint16_t> rows);

  const LlamaConfig config_;
  const DraftOptions options_;
  const Clock* const clock_;
  std::vector<Link> links_;
  std::vector<int32_t> tapped_layers_;
  int64_t tap_version_ = 0;
  int32_t history_window_ = 0;
  std::vector<std::vector<uint16_t>> selected_taps_;  // memory behind SelectTaps during a send
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_DRAFT_COORDINATOR_H_
