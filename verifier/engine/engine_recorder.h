// Turns what happens in the engine into metrics.

#ifndef CHIMERA_VERIFIER_ENGINE_ENGINE_RECORDER_H_
#define CHIMERA_VERIFIER_ENGINE_ENGINE_RECORDER_H_

#include <chrono>
#include <cstddef>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/metrics/verifier_metrics.h"
#include "verifier/engine/sequence.h"

namespace chimera {

// Sees to it that each request is counted once, and canaries not at all. The engine's thread only.
class EngineRecorder {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Both must outlive the recorder.
  EngineRecorder(VerifierMetrics* metrics, const Clock* clock)
      : metrics_(*metrics), clock_(*clock) {}

  // A sequence got its slot and pages, for the first time or again.
  void Admitted(Sequence* sequence);

  void Preempted(const Sequence& sequence);

  // `count` tokens of a reply became known together, 1 or more.
  void Emitted(Sequence* sequence, size_t count);

  // A decoding sequence goes into a step, with candidates or without.
  void Planned(const Sequence& sequence);

  // The sequence's tree was verified, and `accepted` of its candidates became part of the reply;
  // `candidates` tells them apart.
  void Verified(const Sequence& sequence, size_t accepted, const CandidateCounts& candidates);

  // A request that was taken in has ended, OK standing for a whole reply.
  void Ended(const Sequence& sequence, const absl::Status& status);
  void EndedInQueue(const absl::Status& status);

  // A step computed so many rows.
  void Stepped(size_t rows);

  // A stage of a step began at `start` and ends now. Returns now.
  TimePoint Timed(StepStage stage, TimePoint start);

  // What drafting is worth lately (SpeculationControl).
  void Gain(double gain) { metrics_.speculation.gain.Set(gain); }

  // What is in use. `page_usage` is a share, in [0, 1].
  void Load(int32_t running, int32_t waiting, double page_usage);

  TimePoint Now() const { return clock_.Now(); }

  static double Seconds(TimePoint from, TimePoint to) {
    return std::chrono::duration<double>(to - from).count();
  }

 private:
  VerifierMetrics& metrics_;
  const Clock& clock_;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_ENGINE_RECORDER_H_
