// Sees to it that speculation pays: what is drafted, and what of it is verified.

#ifndef CHIMERA_VERIFIER_ENGINE_SPECULATION_CONTROL_H_
#define CHIMERA_VERIFIER_ENGINE_SPECULATION_CONTROL_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/tree/acceptance_calibration.h"
#include "verifier/drafter_client/draft_source.h"
#include "verifier/engine/candidate_counts.h"
#include "verifier/engine/drafting_gate.h"
#include "verifier/engine/first_candidate_rate.h"
#include "verifier/engine/planner.h"
#include "verifier/engine/sequence.h"
#include "verifier/engine/step_time_table.h"

namespace chimera {

// The rows of a step.
struct StepRows {
  int sequences = 0;         // that decode: the roots
  int speculating = 0;       // of these, whose requests allow speculation
  int candidates = 0;        // verified
  int prefill = 0;           // prompt tokens
  bool catching_up = false;  // StepOutcome::catching_up
  bool asked = true;         // drafts were asked for
};

// How long the parts of a step took, in seconds.
struct StepSeconds {
  double drafting = 0;  // telling drafters the news and waiting for their drafts
  double forward = 0;   // of the target
  double rest = 0;      // all else, which goes by whether or not there are drafts
};

// What an operator sees of speculation.
struct SpeculationStatus {
  bool drafting = true;  // drafts are asked for at the present load
  double gain = 1;       // tokens per second with drafting, lately, relative to those without
  DraftPrices prices;
  CandidateCounts candidates;  // since the start
};

// Learns from every step what steps take and how far each drafter's probabilities are to be
// believed, and plans the next one by it. Without step times it plans nothing: all that drafters
// propose is verified. The engine's thread only.
class SpeculationControl {
 public:
  // `source_count` is the number of draft sources.
  SpeculationControl(std::optional<StepTimeTable> step_times, int source_count);

  // Cuts the trees of decoding sequences to the candidates that raise tokens per second. The step
  // has `base_rows` rows without them, and `drafting_seconds` were spent on its drafts. Now and
  // then it leaves no candidate in a step that has no prompt tokens either, because only such a
  // step shows what drafting has to beat.
  void PlanTrees(std::span<Sequence* const> decoding, int base_rows, double drafting_seconds);

  // The target has chosen `tokens` behind the root of the sequence's proposal, whether they became
  // part of the reply or follow its end.
  void RecordTokens(const Sequence& sequence, std::span<const int32_t> tokens);

  // The step has failed: nothing is to be learnt from it.
  void DiscardStep() { step_tokens_ = 0; }

  // The step has ended.
  void RecordStep(const StepRows& rows, const StepSeconds& seconds);

  // Whether to ask for drafts for a step in which so many sequences decode.
  bool Asks(int sequences) const {
    return !step_times_.has_value() || (gate_.Asks(sequences) && MayPay(sequences));
  }

  // Whether drafting goes on at that load, but for a step now and then.
  bool Drafts(int sequences) const {
    return !step_times_.has_value() || (gate_.Drafts(sequences) && MayPay(sequences));
  }

  // That step's prices, to be told to drafters with their news; 0 if not known.
  DraftPrices Prices(int sequences) const;

  // Tokens per second with drafting, lately, relative to those without; 1 if not known.
  double Gain(int sequences) const { return gate_.Gain(sequences); }

 private:
  // Candidates of each decoding sequence that are worth verifying. REQUIRES: there are step times.
  std::vector<int> ChooseNodes(std::span<Sequence* const> decoding, int base_rows,
                               double drafting_seconds) const;

  // Whether drafting for so many sequences is worth a try: one candidate each would pay if it cost
  // no more than its verification. REQUIRES: there are step times.
  bool MayPay(int sequences) const;

  // Sums over steps in which sequences decoded, older ones counting less.
  struct Lately {
    double sequences = 0;
    double candidates = 0;
    double tokens = 0;
    double seconds = 0;       // without what prompt tokens took
    double rest_seconds = 0;  // StepSeconds::rest
    double steps = 0;

    double RestOfStep() const { return steps > 0 ? rest_seconds / steps : 0; }
  };

  std::optional<StepTimeTable> step_times_;
  std::vector<AcceptanceCalibration> calibrations_;  // by draft source
  DraftingGate gate_;
  FirstCandidateRate first_candidates_;
  Lately lately_;
  double step_tokens_ = 0;  // that it has yielded
  int since_plain_ = 0;     // steps since one without candidates and prompt tokens
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_SPECULATION_CONTROL_H_
