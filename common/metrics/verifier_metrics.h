// What a verifier counts and measures. docs/metrics.md lists the names.

#ifndef CHIMERA_COMMON_METRICS_VERIFIER_METRICS_H_
#define CHIMERA_COMMON_METRICS_VERIFIER_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/version.h"
#include "common/metrics/labels.h"
#include "common/metrics/metric_factory.h"
#include "common/metrics/metric_group.h"
#include "common/metrics/service_metrics.h"

namespace chimera {

// What the labels of a verifier's metrics say. Constant.
struct VerifierMetricsConfig {
  std::string version = kVersion;
  std::string model_name = {};
  std::string model_identity = {};         // Fingerprint::identity
  std::string model_weights = {};          // Fingerprint::weights
  std::string numerics_id = {};            // Backend::numerics_id
  std::string kv_block_size = {};          // positions of a page
  std::string kv_block_count = {};         // pages
  std::vector<std::string> drafters = {};  // addresses
  int32_t context_length = 1;              // positions, for the buckets of token counts; positive
};

// Load, and what became of requests.
struct RequestMetrics {
  prometheus::Gauge& running;
  prometheus::Gauge& waiting;
  MetricsBy<prometheus::Counter, FinishedReason> success;  // requests that were taken in and ended
  MetricsBy<prometheus::Counter, RejectReason> rejected;
  prometheus::Counter& prompt_tokens;      // computed or taken from the prefix cache
  prometheus::Counter& generation_tokens;  // the token that ended a reply included
  prometheus::Histogram& prompt_tokens_per_request;
  prometheus::Histogram& generation_tokens_per_request;
};

// K/V cache and what moves requests in and out of it.
struct KvCacheMetrics {
  prometheus::Gauge& usage;                  // share of pages in use, in [0, 1]
  prometheus::Counter& prefix_query_tokens;  // prompt tokens looked up in the prefix cache
  prometheus::Counter& prefix_hit_tokens;    // those found there
  prometheus::Counter& preemptions;          // requests that had to give up their pages
};

// How long requests take, in seconds.
struct LatencyMetrics {
  prometheus::Histogram& time_to_first_token;  // from arrival
  // Between the arrivals of tokens; 0 for tokens that arrive together.
  prometheus::Histogram& inter_token;
  prometheus::Histogram& time_per_output_token;  // mean of a request, the first token left out
  // From arrival to the last token, of whole replies.
  MetricsBy<prometheus::Histogram, ReplyStreaming> end_to_end;
  prometheus::Histogram& queue;    // from arrival to admission
  prometheus::Histogram& prefill;  // from admission to the first token
  prometheus::Histogram& decode;   // from the first token to the last
};

// Steps of the engine.
struct StepMetrics {
  prometheus::Histogram& tokens;                               // rows of a step
  MetricsBy<prometheus::Histogram, StepStage> stage_duration;  // seconds
};

// What drafts are worth. Acceptance is accepted_tokens / draft_tokens, mean tokens per step is
// 1 + accepted_tokens / drafts.
struct SpeculationMetrics {
  prometheus::Counter& drafts;           // trees verified
  prometheus::Counter& draft_tokens;     // candidates in them, roots excluded
  prometheus::Counter& accepted_tokens;  // candidates accepted
  // Candidates verified and accepted at depth d at index d - 1, d in [1, TokenTree::kMaxDepth].
  MetricList<prometheus::Counter> draft_tokens_at_depth;
  MetricList<prometheus::Counter> accepted_at_depth;
  // The same by where they come from.
  MetricsBy<prometheus::Counter, CandidateSource> draft_tokens_of_source;
  MetricsBy<prometheus::Counter, CandidateSource> accepted_of_source;
  prometheus::Gauge& gain;  // tokens per second with drafting, lately, relative to those without
  prometheus::Histogram& tree_nodes;               // candidates of a tree
  prometheus::Histogram& accepted_length;          // candidates accepted of a tree
  prometheus::Histogram& request_acceptance_rate;  // of a request, in [0, 1]
  // Steps of decoding sequences without a candidate.
  MetricsBy<prometheus::Counter, FallbackReason> fallback;
  // Drafts that came after their sequence had gone on without them.
  prometheus::Counter& stale_drafts;
};

// The link to one drafter. All links share all of them but `connected`.
struct LinkMetrics {
  prometheus::Gauge& connected;       // 1 while the drafter is ready, else 0
  prometheus::Counter& reconnects;    // times that a drafter became ready, the first left out
  prometheus::Histogram& round_trip;  // seconds from a step sent to its reply
  MetricsBy<prometheus::Counter, LinkDirection> bytes;  // of messages
  prometheus::Counter& stale_drafts;                    // SpeculationMetrics::stale_drafts
};

// The check of replies against plain decoding (the canary).
struct CanaryMetrics {
  prometheus::Counter& replays;     // replies compared
  prometheus::Counter& skipped;     // replies drawn but not compared, as too many waited
  prometheus::Counter& mismatches;  // compared replies that differ: must stay 0
};

// The metrics of a verifier, all of them at 0 from construction on but the *_info gauges, at 1.
// Using them allocates nothing and takes no lock but prometheus-cpp's own; any thread.
struct VerifierMetrics {
  // Adds them to `registry`, which must outlive them and hold no others of these names.
  VerifierMetrics(prometheus::Registry* registry, const VerifierMetricsConfig& config);

  ServiceMetrics service;
  prometheus::Gauge& model_load_seconds;
  RequestMetrics requests;
  KvCacheMetrics kv_cache;
  LatencyMetrics latency;
  StepMetrics steps;
  SpeculationMetrics speculation;
  std::vector<LinkMetrics> links;  // one per drafter, in the order of the configuration
  CanaryMetrics canary;

 private:
  VerifierMetrics(const MetricFactory& factory, const VerifierMetricsConfig& config);
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_METRICS_VERIFIER_METRICS_H_
