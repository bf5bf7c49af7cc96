#include "common/metrics/verifier_metrics.h"

#include "absl/strings/str_cat.h"
#include "common/metrics/buckets.h"
#include "common/tree/token_tree.h"

namespace chimera {
namespace {

RequestMetrics MakeRequestMetrics(const MetricFactory& factory, int32_t context_length) {
  const Buckets tokens = OneTwoFiveBuckets(context_length);
  return {
      .running =
          factory.AddGauge({"chimera_num_requests_running", "Requests that are being decoded."}),
      .waiting = factory.AddGauge({"chimera_num_requests_waiting", "Requests in the queue."}),
      .success = factory.AddCountersBy<FinishedReason>(
          {"chimera_request_success_total", "Requests that were taken in and have ended."}),
      .rejected = factory.AddCountersBy<RejectReason>(
          {"chimera_requests_rejected_total", "Requests that were not taken in."}),
      .prompt_tokens =
          factory.AddCounter({"chimera_prompt_tokens_total", "Prompt tokens processed."}),
      .generation_tokens =
          factory.AddCounter({"chimera_generation_tokens_total", "Tokens generated."}),
      .prompt_tokens_per_request = factory.AddHistogram(
          {"chimera_request_prompt_tokens", "Prompt tokens of a request."}, tokens),
      .generation_tokens_per_request = factory.AddHistogram(
          {"chimera_request_generation_tokens", "Tokens generated for a request."}, tokens),
  };
}

KvCacheMetrics MakeKvCacheMetrics(const MetricFactory& factory,
                                  const VerifierMetricsConfig& config) {
  factory.AddInfo(
      {"chimera_cache_config_info",
       "Always 1; its labels are the positions of a K/V page and the pages on the "
       "device that computes."},
      {{"block_size", config.kv_block_size}, {"num_gpu_blocks", config.kv_block_count}});
  return {
      .usage = factory.AddGauge(
          {"chimera_kv_cache_usage_perc", "Share of the K/V pages in use; 1 is all of them."}),
      .prefix_query_tokens =
          factory.AddCounter({"chimera_prefix_cache_queries_total",
                              "Prompt tokens that were looked up in the prefix cache."}),
      .prefix_hit_tokens = factory.AddCounter(
          {"chimera_prefix_cache_hits_total", "Prompt tokens found in the prefix cache."}),
      .preemptions = factory.AddCounter(
          {"chimera_num_preemptions_total", "Times that a running request gave up its K/V pages."}),
  };
}

LatencyMetrics MakeLatencyMetrics(const MetricFactory& factory) {
  return {
      .time_to_first_token =
          factory.AddHistogram({"chimera_time_to_first_token_seconds",
                                "Time from a request's arrival to its first token, in seconds."},
                               FirstTokenSecondsBuckets()),
      .inter_token = factory.AddHistogram(
          {"chimera_inter_token_latency_seconds",
           "Time between one token of a reply and the next, in seconds; 0 if they came together."},
          TokenSecondsBuckets()),
      .time_per_output_token = factory.AddHistogram(
          {"chimera_request_time_per_output_token_seconds",
           "Mean time per token of a request, the first left out, in seconds."},
          TokenSecondsBuckets()),
      .end_to_end = factory.AddHistogramsBy<ReplyStreaming>(
          {"chimera_e2e_request_latency_seconds",
           "Time from a request's arrival to its last token, of whole replies, in seconds."},
          RequestSecondsBuckets()),
      .queue = factory.AddHistogram(
          {"chimera_request_queue_time_seconds", "Time a request spent in the queue, in seconds."},
          RequestSecondsBuckets()),
      .prefill =
          factory.AddHistogram({"chimera_request_prefill_time_seconds",
                                "Time from a request's admission to its first token, in seconds."},
                               RequestSecondsBuckets()),
      .decode = factory.AddHistogram({"chimera_request_decode_time_seconds",
                                      "Time from a request's first token to its last, in seconds."},
                                     RequestSecondsBuckets()),
  };
}

StepMetrics MakeStepMetrics(const MetricFactory& factory) {
  return {
      .tokens = factory.AddHistogram(
          {"chimera_iteration_tokens", "Tokens that one step of the engine computed."},
          StepTokensBuckets()),
      .stage_duration = factory.AddHistogramsBy<StepStage>(
          {"chimera_step_duration_seconds", "Time of one stage of a step, in seconds."},
          StepSecondsBuckets()),
  };
}

std::vector<std::string> Depths() {
  std::vector<std::string> depths;
  for (int depth = 1; depth <= TokenTree::kMaxDepth; ++depth) {
    depths.push_back(absl::StrCat(depth));
  }
  return depths;
}

SpeculationMetrics MakeSpeculationMetrics(const MetricFactory& factory) {
  return {
      .drafts =
          factory.AddCounter({"chimera_spec_decode_num_drafts_total", "Draft trees verified."}),
      .draft_tokens = factory.AddCounter({"chimera_spec_decode_num_draft_tokens_total",
                                          "Candidate tokens in the trees verified."}),
      .accepted_tokens = factory.AddCounter(
          {"chimera_spec_decode_num_accepted_tokens_total", "Candidate tokens accepted."}),
      .draft_tokens_at_depth = factory.AddCounters(
          {"chimera_spec_decode_num_draft_tokens_per_pos_total",
           "Candidate tokens verified at a depth of the tree; 1 is the token after the newest."},
          "position", Depths()),
      .accepted_at_depth = factory.AddCounters(
          {"chimera_spec_decode_num_accepted_tokens_per_pos_total",
           "Candidate tokens accepted at a depth of the tree; 1 is the token after the newest."},
          "position", Depths()),
      .draft_tokens_of_source = factory.AddCountersBy<CandidateSource>(
          {"chimera_spec_decode_num_draft_tokens_per_source_total",
           "Candidate tokens verified, by where they come from."}),
      .accepted_of_source = factory.AddCountersBy<CandidateSource>(
          {"chimera_spec_decode_num_accepted_tokens_per_source_total",
           "Candidate tokens accepted, by where they come from."}),
      .gain = factory.AddGauge(
          {"chimera_spec_decode_gain",
           "Tokens per second with drafting, lately, relative to those without; 1 if not known."}),
      .tree_nodes = factory.AddHistogram(
          {"chimera_spec_decode_tree_nodes", "Candidate tokens of a tree verified."},
          TreeNodesBuckets()),
      .accepted_length = factory.AddHistogram(
          {"chimera_spec_decode_accepted_length", "Candidate tokens accepted of a tree."},
          AcceptedLengthBuckets()),
      .request_acceptance_rate = factory.AddHistogram(
          {"chimera_request_spec_decode_acceptance_rate",
           "Share of a request's candidate tokens that were accepted; 1 is all of them."},
          ShareBuckets()),
      .fallback = factory.AddCountersBy<FallbackReason>(
          {"chimera_drafter_fallback_total", "Steps of decoding sequences without a candidate."}),
      .stale_drafts =
          factory.AddCounter({"chimera_stale_drafts_discarded_total",
                              "Drafts that came after their sequence had gone on without them."}),
  };
}

std::vector<LinkMetrics> MakeLinks(const MetricFactory& factory,
                                   const std::vector<std::string>& drafters,
                                   const SpeculationMetrics& speculation) {
  // The other end of a verifier's links.
  const prometheus::Labels peer = {{"peer_role", "drafter"}};
  prometheus::Counter& reconnects =
      factory.AddCounter({"chimera_drafter_reconnects_total",
                          "Times that a drafter became ready, the first time of each left out."});
  prometheus::Histogram& round_trip = factory.AddHistogram(
      {"chimera_link_round_trip_seconds",
       "Time from sending a step to a drafter to receiving its reply, in seconds."},
      RoundTripSecondsBuckets(), peer);
  const auto bytes = factory.AddCountersBy<LinkDirection>(
      {"chimera_link_bytes_total", "Bytes of the messages on links to drafters."}, peer);
  std::vector<LinkMetrics> links;
  for (const std::string& drafter : drafters) {
    prometheus::Gauge& connected = factory.AddGauge(
        {"chimera_drafter_connected", "1 while the drafter at that address is ready, else 0."},
        {{"drafter", drafter}});
    links.push_back({connected, reconnects, round_trip, bytes, speculation.stale_drafts});
  }
  return links;
}

CanaryMetrics MakeCanaryMetrics(const MetricFactory& factory) {
  return {
      .replays = factory.AddCounter(
          {"chimera_canary_replays_total", "Replies that were compared with plain decoding."}),
      .skipped = factory.AddCounter(
          {"chimera_canary_skipped_total",
           "Replies that were to be compared and were not, as too many waited."}),
      .mismatches = factory.AddCounter(
          {"chimera_lossless_mismatch_total",
           "Replies that differed from plain decoding; anything but 0 is a fault."}),
  };
}

}  // namespace

VerifierMetrics::VerifierMetrics(prometheus::Registry* registry,
                                 const VerifierMetricsConfig& config)
    : VerifierMetrics(MetricFactory(registry, CommonLabels(config.model_name)), config) {}

VerifierMetrics::VerifierMetrics(const MetricFactory& factory, const VerifierMetricsConfig& config)
    : service(MakeServiceMetrics(factory, config.version)),
      model_load_seconds(factory.AddGauge(
          {"chimera_model_load_seconds", "Time that loading the model took, in seconds."})),
      requests(MakeRequestMetrics(factory, config.context_length)),
      kv_cache(MakeKvCacheMetrics(factory, config)),
      latency(MakeLatencyMetrics(factory)),
      steps(MakeStepMetrics(factory)),
      speculation(MakeSpeculationMetrics(factory)),
      links(MakeLinks(factory, config.drafters, speculation)),
      canary(MakeCanaryMetrics(factory)) {
  factory.AddInfo({"chimera_model_info",
                   "Always 1; its labels are the two halves of the model's fingerprint and the "
                   "name of the arithmetic."},
                  {{"identity", config.model_identity},
                   {"weights", config.model_weights},
                   {"numerics_id", config.numerics_id}});
}

}  // namespace chimera
