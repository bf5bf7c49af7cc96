// Where the engine gets drafts from. The engine knows this interface only; gRPC is behind it.

#ifndef CHIMERA_VERIFIER_DRAFTER_CLIENT_DRAFT_SOURCE_H_
#define CHIMERA_VERIFIER_DRAFTER_CLIENT_DRAFT_SOURCE_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/sampling/sampling_params.h"

namespace chimera {

// One period during which a drafter is ready: from its Ready message to the loss of the stream.
struct DraftSession {
  int64_t id = 0;  // differs between the sessions of one source; what was sent in another is lost
  std::vector<int32_t> tapped_layers = {};  // ascending, as in StepBatch::tapped_layers
  int32_t context_window = 0;               // positions of context the drafter uses
  int32_t max_sequences = 0;
  int32_t max_nodes = 0;  // root excluded
};

// News of one sequence: the fields of the protocol's SequenceUpdate, which documents them. The
// spans need to be valid only during Send.
struct DraftUpdate {
  int64_t sequence_id = 0;
  int32_t epoch = 0;
  int32_t start_position = 0;
  std::span<const int32_t> token_ids = {};
  int32_t hidden_start_position = 0;
  std::span<const uint16_t> hidden_states = {};  // bf16 bits, [n_positions, n_tapped, hidden_size]
  std::optional<SamplingParams> sampling = {};   // in the first update of an epoch
  int32_t node_budget = 0;
  int32_t max_depth = 0;
};

enum class DraftOutcome { kDrafted, kUnknownSequence, kOverloaded };

// A reply for one sequence, as received: the tree is not validated yet. The arrays leave out the
// root; parents are numbered as in the protocol's TokenTree.
struct Draft {
  int64_t sequence_id = 0;
  int32_t epoch = 0;
  int32_t root_position = 0;
  DraftOutcome outcome = DraftOutcome::kDrafted;
  std::vector<int32_t> token_ids = {};
  std::vector<int32_t> parents = {};
  std::vector<float> path_probabilities = {};
};

// What an operator sees of a source.
struct DraftSourceStatus {
  enum class State { kDisconnected, kConnecting, kReady, kRefused };

  std::string address;
  State state = State::kDisconnected;
  std::string name;    // the drafter's own; empty before it was ever ready
  std::string detail;  // why it is not ready, for people
  bool other_weights = false;
  int64_t connects = 0;
  int64_t drafts_used = 0;
  int64_t drafts_discarded = 0;
};

// One drafter. Never blocks but in WaitReply, never fails a request: whatever goes wrong shows as a
// session that ended or a reply that did not come. Status may be called from any thread, all else
// from the engine's.
class DraftSource {
 public:
  virtual ~DraftSource() = default;

  // The session in force, or nothing while the drafter is not ready.
  virtual std::optional<DraftSession> Session() const = 0;

  // Sends one StepRequest in the session `session_id`. Returns its step number, or 0 if that
  // session has ended or its outgoing queue is full; then nothing was sent, and the caller must
  // start new epochs for these sequences before it drafts again.
  virtual int64_t Send(int64_t session_id, std::span<const DraftUpdate> updates) = 0;

  // Waits for the reply to `step` until `deadline`. Returns nothing if it did not come in time, or
  // the session ended; a late reply is dropped. Replies to earlier steps are dropped too.
  virtual std::optional<std::vector<Draft>> WaitReply(
      int64_t step, std::chrono::steady_clock::time_point deadline) = 0;

  // Whether `step` was answered, in time or not, or never will be because its session has ended: how
  // a caller that gave up waiting learns that the drafter has caught up.
  virtual bool HasAnswered(int64_t step) const = 0;

  // Frees sequences at the drafter. Does nothing if the session has ended.
  virtual void Close(int64_t session_id, std::span<const int64_t> sequence_ids) = 0;

  // Counts what became of a draft that arrived: used, or dropped as stale or malformed.
  virtual void CountDraft(bool used) = 0;

  virtual DraftSourceStatus Status() const = 0;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_DRAFTER_CLIENT_DRAFT_SOURCE_H_
