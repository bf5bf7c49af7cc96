// One running request.

#ifndef CHIMERA_VERIFIER_ENGINE_SEQUENCE_H_
#define CHIMERA_VERIFIER_ENGINE_SEQUENCE_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/metrics/labels.h"
#include "common/tree/candidate_source.h"
#include "common/tree/token_tree.h"
#include "verifier/engine/generation_request.h"
#include "verifier/engine/hidden_history.h"
#include "verifier/engine/reply_builder.h"
#include "verifier/kv_cache/page_allocator.h"

namespace chimera {

// When a drafter that refused a sequence may be asked again.
struct DraftPause {
  int64_t session_id = 0;  // of the drafter; what it said in another session does not count
  int refusals = 0;        // in a row
  std::chrono::steady_clock::time_point until = {};
};

// Which drafter serves a sequence (DrafterAssignment).
struct DraftPlacement {
  int source = -1;                 // index of the draft source, -1 if none
  int64_t session_id = 0;          // session of that source
  std::vector<DraftPause> pauses;  // by source; empty if none ever refused
};

// How far that drafter knows the sequence (DraftPieceMaker).
struct DraftProgress {
  int32_t epoch = 0;            // last epoch used, with any drafter; never goes down
  bool opened = false;          // the epoch's first update was sent
  bool up_to_date = false;      // the last update held all there was to tell
  int32_t sent_end = 0;         // tokens below this position were sent in the epoch
  int32_t hidden_sent_end = 0;  // hidden states below it were sent, or did not exist at its start
  int32_t node_budget = 0;      // of the draft that is awaited, 0 if none is
  int32_t max_depth = 0;        // likewise
};

// When what happened to a request; the epoch if it did not yet.
struct SequenceTimes {
  using TimePoint = std::chrono::steady_clock::time_point;

  TimePoint arrived;
  TimePoint admitted;  // for the first time
  TimePoint first_token;
  TimePoint last_token;
};

// Run state of one request; the engine's thread only.
//
// Invariant: while decoding, tokens.size() == context_length + 1: the newest token is the root of
// the next tree and has no K/V yet.
struct Sequence {
  Sequence(QueuedRequest queued, const Tokenizer* tokenizer)
      : request(std::move(queued.request)),
        sink(std::move(queued.sink)),
        purpose(queued.purpose),
        tokens(request.prompt),
        reply(tokenizer, request.stop) {
    times.arrived = queued.arrived;
  }

  int32_t prompt_size() const { return static_cast<int32_t>(request.prompt.size()); }
  int32_t token_count() const { return static_cast<int32_t>(tokens.size()); }
  bool has_reply() const { return token_count() > prompt_size(); }
  // How many tokens are read before decoding goes on: the prompt and, after a preemption, the reply
  // so far but for its newest token.
  int32_t prefill_end() const { return has_reply() ? token_count() - 1 : prompt_size(); }
  bool prefilling() const { return context_length < prefill_end(); }

  const GenerationRequest request;
  const std::shared_ptr<GenerationSink> sink;
  const RequestPurpose purpose;
  SequenceTimes times;
  int64_t id = 0;            // differs between all sequences of a process; ascending with age
  int group = -1;            // that it steps with (StepGroups); -1 before its first step
  int32_t slot = -1;         // tree scratch of the backend, -1 while it waits for one
  PageTable pages;           // for the positions below context_length, and those of the next step
  int32_t shared_pages = 0;  // so many of them, from the first on, are in the prefix cache

  std::vector<int32_t> tokens;  // prompt, then reply
  int32_t context_length = 0;   // positions whose K/V is in the pages
  ReplyBuilder reply;
  std::optional<FinishReason> finish_reason;  // once the reply has ended
  GenerationResult result;

  HiddenHistory hidden;
  int64_t tap_version = -1;  // of the tapped layers that `hidden` holds
  DraftPlacement placement;
  DraftProgress draft;
  TokenTree proposal = TokenTree::RootOnly(0);  // what the drafter proposes for the next step
  std::vector<float> path_probabilities;        // of its nodes, root excluded
  std::vector<CandidateSource> sources;         // likewise
  TokenTree tree = TokenTree::RootOnly(0);      // what the next step verifies of it
  std::optional<FallbackReason> fallback;       // why there is no draft for it
  int32_t chunk_size = 0;                       // tokens that the next step reads
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_SEQUENCE_H_
