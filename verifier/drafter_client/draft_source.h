// Where the engine gets drafts from. The engine knows this interface only; gRPC is behind it.

#ifndef CHIMERA_VERIFIER_DRAFTER_CLIENT_DRAFT_SOURCE_H_
#define CHIMERA_VERIFIER_DRAFTER_CLIENT_DRAFT_SOURCE_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/sampling/sampling_params.h"
#include "common/tree/candidate_source.h"
#include "common/tree/draft_prices.h"

namespace chimera {

// Bounds that a drafter's Ready must keep (drafter_service.proto), so that what it asks for can be
// stored and sent.
inline constexpr int32_t kMaxTappedLayers = 8;
inline constexpr int64_t kMaxHiddenRowBytes = 512 << 10;  // of all tapped layers of a position

// Largest StepRequest (drafter_service.proto), in bytes. A position's hidden states always fit.
inline constexpr size_t kMaxStepBytes = 1 << 20;

// One period during which a drafter is ready: from its Ready message to the loss of the stream.
struct DraftSession {
  int64_t id = 0;  // differs between the sessions of one source; what was sent in another is lost
  std::vector<int32_t> tapped_layers = {};  // ascending, as in StepBatch::tapped_layers
  int32_t context_window = 0;               // positions of context the drafter uses; any size
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

// What became of a Send.
struct SendResult {
  enum class Outcome {
    kSent,
    kQueueFull,     // nothing was sent; the same may be sent later
    kSessionEnded,  // nothing was sent, and the drafter knows nothing any more
  };

  Outcome outcome = Outcome::kSessionEnded;
  int64_t step = 0;  // the step's number, counted from 1 over all sessions; 0 unless kSent
};

// The first three as in the protocol. Malformed: nothing that the protocol knows, candidates of a
// source that it does not know, or a tree of more nodes than there can be.
enum class DraftOutcome { kDrafted, kUnknownSequence, kOverloaded, kMalformed };

// A reply for one sequence, as received: the tree is not validated yet. The arrays leave out the
// root, at most 63 elements each; parents are numbered as in the protocol's TokenTree.
struct Draft {
  int64_t sequence_id = 0;
  int32_t epoch = 0;
  int32_t root_position = 0;
  DraftOutcome outcome = DraftOutcome::kDrafted;
  std::vector<int32_t> token_ids = {};
  std::vector<int32_t> parents = {};
  std::vector<float> path_probabilities = {};
  std::vector<CandidateSource> sources = {};
};

// What an operator sees of a source.
struct DraftSourceStatus {
  enum class State { kDisconnected, kConnecting, kReady, kRefused };

  std::string address;
  State state = State::kDisconnected;
  std::string name;    // the drafter's own, perhaps cut; empty before it was ever ready
  std::string detail;  // why it is not ready, for people
  bool other_weights = false;
  int64_t connects = 0;
  // Every draft that was asked for counts once, as soon as it is known what became of it.
  int64_t drafts_used = 0;       // came in time and were valid
  int64_t drafts_discarded = 0;  // late, missing, stale, malformed or refused by the drafter
};

// One drafter. Never blocks but in WaitReply, never fails a request: whatever goes wrong shows as a
// session that ended or a reply that did not come. Status may be called from any thread, all else
// from the engine's.
class DraftSource {
 public:
  virtual ~DraftSource() = default;

  // The session in force, or nothing while the drafter is not ready.
  virtual std::optional<DraftSession> Session() const = 0;

  // Sends one StepRequest in the session `session_id`. REQUIRES: it takes at most kMaxStepBytes.
  virtual SendResult Send(int64_t session_id, std::span<const DraftUpdate> updates,
                          const DraftPrices& prices) = 0;

  // Waits for the reply to `step` until `deadline`. Returns nothing if it did not come in time, or
  // the session ended; a late reply is dropped. Replies to earlier steps are dropped too.
  virtual std::optional<std::vector<Draft>> WaitReply(
      int64_t step, std::chrono::steady_clock::time_point deadline) = 0;

  // Whether `step` was answered, in time or not, or never will be because its session has ended:
  // how a caller that gave up waiting learns that the drafter has caught up.
  virtual bool HasAnswered(int64_t step) const = 0;

  // Ends a session whose drafter does not keep up, for `reason`; the source connects anew. Does
  // nothing if the session has ended.
  virtual void Restart(int64_t session_id, absl::string_view reason) = 0;

  // Frees sequences at the drafter. Does nothing if the session has ended.
  virtual void Close(int64_t session_id, std::span<const int64_t> sequence_ids) = 0;

  // Counts what became of a draft that WaitReply returned. The source itself counts those it does
  // not return.
  virtual void CountDraft(bool used) = 0;

  virtual DraftSourceStatus Status() const = 0;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_DRAFTER_CLIENT_DRAFT_SOURCE_H_
