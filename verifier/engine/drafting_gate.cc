#include "verifier/engine/drafting_gate.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace chimera {
namespace {

// Steps that count, roughly: the first sees a drafter that has become slow at once, the second a
// loss of a few percent.
constexpr double kRecentSteps = 48;
constexpr double kLastingSteps = 1024;

// Standard deviation of the gain if one step of one sequence is all there is to go by.
constexpr double kDoubt = 0.5;

// Drafting that went on for so many steps has proved itself: its next pause is a short one.
constexpr int kProvenSteps = 1024;

// Steps that count for what a try has lost: one that goes on for longer has had its reasons.
constexpr int kTrySteps = 48;

// Runs of plain steps that the correction is the mean of, roughly, and what one may come to.
constexpr int kCorrectingRuns = 16;
constexpr double kLeastCorrection = 0.7;
constexpr double kMostCorrection = 1.3;

}  // namespace

void DraftingGate::Sums::Add(const StepOutcome& step, double memory) {
  const double kept = 1 - 1 / memory;
  tokens = kept * tokens + step.tokens;
  seconds = kept * seconds + step.seconds;
  plain_tokens = kept * plain_tokens + step.sequences;
  plain_seconds = kept * plain_seconds + step.plain_seconds;
  hiccup_seconds = std::max(kept * hiccup_seconds, step.seconds - step.plain_seconds);
  steps = kept * steps + 1;
}

double DraftingGate::Sums::Gain() const {
  if (seconds <= hiccup_seconds || plain_tokens <= 0) return 1;
  return tokens / (seconds - hiccup_seconds) * (plain_seconds / plain_tokens);
}

bool DraftingGate::Sums::Loses(double correction) const {
  return plain_tokens > 0 && Gain() * correction < 1 - kDoubt / std::sqrt(plain_tokens);
}

void DraftingGate::PlainRuns::Learn(double expected) {
  // The middle ones: a step that was held up does not count.
  std::ranges::sort(seconds);
  const size_t middle = seconds.size() / 2;
  const double measured = (seconds[middle - 1] + seconds[middle]) / 2;
  const double factor = std::clamp(measured / expected, kLeastCorrection, kMostCorrection);
  count = std::min(count + 1, kCorrectingRuns);
  correction += (factor - correction) / count;
}

int DraftingGate::IndexOf(int sequences) {
  return std::min<int>(std::bit_width(static_cast<unsigned>(std::max(sequences, 0))), kLoads - 1);
}

int DraftingGate::PauseOf(const Load& load) {
  const double plain_step_seconds = load.recent.plain_seconds / load.recent.steps;
  const double costly = load.lost_seconds / (kTryCost * plain_step_seconds);
  return std::max(load.next_pause, static_cast<int>(std::min<double>(costly, kLongestCostlyPause)));
}

void DraftingGate::Record(const StepOutcome& step, bool asked) {
  Load& load = loads_[IndexOf(step.sequences)];
  if (!asked) {
    if (load.plain_left > 0) {
      const int index = kPlainRun - load.plain_left - kPlainLead;
      if (index >= 0) load.plain.seconds[index] = step.seconds;
      if (--load.plain_left == 0) load.plain.Learn(load.recent.plain_seconds / load.recent.steps);
    } else if (load.pause_left > 0) {
      // Nothing settles before the step that ends the pause.
      settling_left_ = --load.pause_left > 0 ? kSettlingSteps : 0;
    } else if (settling_left_ > 0) {
      --settling_left_;
    }
    return;
  }
  if (load.pause_left > 0) return;  // the load changed while the draft was under way
  if (load.steps < kTrySteps) {
    load.lost_seconds += step.seconds - step.plain_seconds * step.tokens / step.sequences;
  }
  const int warm_up = step.catching_up ? kLongestWarmUp : kWarmUpSteps;
  if (load.steps == 0 && load.warm_up < warm_up) {
    ++load.warm_up;
    return;
  }
  load.recent.Add(step, kRecentSteps);
  load.lasting.Add(step, kLastingSteps);
  load.steps = std::min(load.steps + 1, kProvenSteps);
  if (load.steps < kMinSteps) return;
  if (load.steps == kProvenSteps) load.next_pause = kShortestPause;
  const double correction = load.plain.correction;
  if (!load.recent.Loses(correction) && !load.lasting.Loses(correction)) {
    if (--load.until_plain > 0 || load.plain_left > 0) return;
    load.plain_left = kPlainRun;
    load.until_plain = load.plain.count < kEagerRuns ? kEagerInterval : kPlainInterval;
    return;
  }
  const int pause = PauseOf(load);
  load = {.recent = {},
          .lasting = {},
          .warm_up = 0,
          .steps = 0,
          .lost_seconds = 0,
          .plain = load.plain,
          .until_plain = kFirstPlainRun,
          .plain_left = 0,
          .pause_left = pause,
          .next_pause = std::min(2 * load.next_pause, kLongestPause)};
}

}  // namespace chimera
