// What the engine is asked for, and what it answers with.

#ifndef CHIMERA_VERIFIER_ENGINE_GENERATION_REQUEST_H_
#define CHIMERA_VERIFIER_ENGINE_GENERATION_REQUEST_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/sampling/sampling_params.h"
#include "verifier/engine/candidate_counts.h"

namespace chimera {

// When a reply ends, besides the model's own end-of-reply token.
struct StopConditions {
  int32_t max_tokens = 0;  // positive; prompt and reply together fit into the context
  std::vector<std::string> stop_strings;
  std::vector<int32_t> stop_token_ids;
  bool ignore_eos = false;  // goes on past the model's end-of-reply token
};

// How far to speculate. Never changes a reply.
struct SpeculationOptions {
  bool enabled = true;
  int32_t max_nodes = 0;  // most candidates verified per step, in [1, 63]; 0: the engine's default
  int32_t max_depth = 0;  // most tokens to look ahead, in [1, 15]; 0: the engine's default
};

// A validated request.
struct GenerationRequest {
  std::string id;  // unique among the requests the engine holds
  std::vector<int32_t> prompt;
  SamplingParams sampling;
  StopConditions stop;
  SpeculationOptions speculation;
};

enum class FinishReason { kStop, kLength };

// What a finished request cost.
struct GenerationResult {
  FinishReason finish_reason = FinishReason::kStop;
  int32_t prompt_tokens = 0;
  int32_t completion_tokens = 0;      // the token that ended the reply included
  int32_t steps = 0;                  // forward passes after the prompt's
  int32_t draft_nodes = 0;            // candidates verified
  int32_t accepted_draft_tokens = 0;  // candidates accepted
  CandidateCounts candidates;         // both, told apart
};

// Takes a request's reply. Called on the engine's thread, so an implementation must not block: zero
// or more OnTokens, then exactly one of OnFinish and OnError.
class GenerationSink {
 public:
  virtual ~GenerationSink() = default;

  // Tokens of one step, and the text that became certain with them (possibly empty).
  virtual void OnTokens(std::span<const int32_t> tokens, absl::string_view text) = 0;

  virtual void OnFinish(const GenerationResult& result) = 0;

  // CANCELLED after Cancel, UNAVAILABLE when the engine shuts down or its drain ran out of time,
  // INTERNAL if the backend failed.
  virtual void OnError(const absl::Status& status) = 0;
};

// Whom a reply is for.
enum class RequestPurpose {
  kUser,
  kCanary,  // checks another reply (canary.h): gives way to users, and is not seen in their metrics
};

// A request on its way to the engine's thread.
struct QueuedRequest {
  GenerationRequest request;
  std::shared_ptr<GenerationSink> sink;
  std::chrono::steady_clock::time_point arrived = {};
  RequestPurpose purpose = RequestPurpose::kUser;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_GENERATION_REQUEST_H_
