#include "verifier/engine/engine_recorder.h"

namespace chimera {
namespace {

using TimePoint = EngineRecorder::TimePoint;

bool IsCanary(const Sequence& sequence) { return sequence.purpose == RequestPurpose::kCanary; }

FinishedReason ReasonOf(const absl::Status& status) {
  return absl::IsCancelled(status) ? FinishedReason::kAbort : FinishedReason::kError;
}

}  // namespace

void EngineRecorder::Admitted(Sequence* sequence) {
  if (IsCanary(*sequence) || sequence->times.admitted != TimePoint()) return;
  sequence->times.admitted = clock_.Now();
  metrics_.latency.queue.Observe(Seconds(sequence->times.arrived, sequence->times.admitted));
  metrics_.requests.prompt_tokens.Increment(sequence->prompt_size());
  metrics_.requests.prompt_tokens_per_request.Observe(sequence->prompt_size());
  metrics_.kv_cache.prefix_query_tokens.Increment(sequence->prompt_size());
  metrics_.kv_cache.prefix_hit_tokens.Increment(sequence->context_length);
}

void EngineRecorder::Preempted(const Sequence& sequence) {
  if (!IsCanary(sequence)) metrics_.kv_cache.preemptions.Increment();
}

void EngineRecorder::Emitted(Sequence* sequence, size_t count) {
  if (IsCanary(*sequence)) return;
  SequenceTimes& times = sequence->times;
  const TimePoint now = clock_.Now();
  metrics_.requests.generation_tokens.Increment(static_cast<double>(count));
  if (times.first_token == TimePoint()) {
    times.first_token = now;
    metrics_.latency.time_to_first_token.Observe(Seconds(times.arrived, now));
    metrics_.latency.prefill.Observe(Seconds(times.admitted, now));
  } else {
    metrics_.latency.inter_token.Observe(Seconds(times.last_token, now));
  }
  for (size_t i = 1; i < count; ++i) metrics_.latency.inter_token.Observe(0);
  times.last_token = now;
}

void EngineRecorder::Planned(const Sequence& sequence) {
  if (IsCanary(sequence) || !sequence.fallback.has_value()) return;
  metrics_.speculation.fallback[*sequence.fallback].Increment();
}

void EngineRecorder::Verified(const Sequence& sequence, size_t accepted,
                              const CandidateCounts& candidates) {
  // The root is no candidate.
  const int nodes = sequence.tree.size() - 1;
  if (IsCanary(sequence) || nodes == 0) return;
  SpeculationMetrics& metrics = metrics_.speculation;
  metrics.drafts.Increment();
  metrics.draft_tokens.Increment(nodes);
  metrics.accepted_tokens.Increment(static_cast<double>(accepted));
  for (size_t i = 0; i < candidates.by_depth.size(); ++i) {
    const CandidateCount& count = candidates.by_depth[i];
    if (count.verified == 0) break;
    metrics.draft_tokens_at_depth[i].Increment(static_cast<double>(count.verified));
    metrics.accepted_at_depth[i].Increment(static_cast<double>(count.accepted));
  }
  for (int i = 0; i < kCandidateSourceCount; ++i) {
    const auto source = static_cast<CandidateSource>(i);
    const CandidateCount& count = candidates.by_source[i];
    metrics.draft_tokens_of_source[source].Increment(static_cast<double>(count.verified));
    metrics.accepted_of_source[source].Increment(static_cast<double>(count.accepted));
  }
  metrics.tree_nodes.Observe(nodes);
  metrics.accepted_length.Observe(static_cast<double>(accepted));
}

void EngineRecorder::Ended(const Sequence& sequence, const absl::Status& status) {
  if (IsCanary(sequence)) return;
  const GenerationResult& result = sequence.result;
  if (status.ok()) {
    const bool stopped = result.finish_reason == FinishReason::kStop;
    metrics_.requests.success[stopped ? FinishedReason::kStop : FinishedReason::kLength]
        .Increment();
  } else {
    metrics_.requests.success[ReasonOf(status)].Increment();
  }
  if (!sequence.has_reply()) return;
  metrics_.requests.generation_tokens_per_request.Observe(result.completion_tokens);
  const double decode = Seconds(sequence.times.first_token, sequence.times.last_token);
  metrics_.latency.decode.Observe(decode);
  if (result.completion_tokens > 1) {
    metrics_.latency.time_per_output_token.Observe(decode / (result.completion_tokens - 1));
  }
  if (result.draft_nodes > 0) {
    metrics_.speculation.request_acceptance_rate.Observe(
        static_cast<double>(result.accepted_draft_tokens) / result.draft_nodes);
  }
}

void EngineRecorder::EndedInQueue(const absl::Status& status) {
  metrics_.requests.success[ReasonOf(status)].Increment();
}

void EngineRecorder::Stepped(size_t rows) {
  metrics_.steps.tokens.Observe(static_cast<double>(rows));
}

TimePoint EngineRecorder::Timed(StepStage stage, TimePoint start) {
  const TimePoint now = clock_.Now();
  metrics_.steps.stage_duration[stage].Observe(Seconds(start, now));
  return now;
}

void EngineRecorder::Load(int32_t running, int32_t waiting, double page_usage) {
  metrics_.requests.running.Set(running);
  metrics_.requests.waiting.Set(waiting);
  metrics_.kv_cache.usage.Set(page_usage);
}

}  // namespace chimera
