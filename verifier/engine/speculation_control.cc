#include "verifier/engine/speculation_control.h"

#include <algorithm>
#include <utility>

#include "verifier/engine/draft_outcome.h"

namespace chimera {
namespace {

// Steps that the prices go by, roughly.
constexpr double kPriceSteps = 64;

// Steps after which one without candidates is due. Costs a hundredth where drafting doubles the
// speed.
constexpr int kPlainInterval = 64;

// Candidates of a sequence that the price of one is the mean of, at least.
constexpr double kPricedCandidates = 3;

}  // namespace

SpeculationControl::SpeculationControl(std::optional<StepTimeTable> step_times, int source_count)
    : step_times_(std::move(step_times)), calibrations_(source_count) {}

void SpeculationControl::PlanTrees(std::span<Sequence* const> decoding, int base_rows,
                                   double drafting_seconds) {
  if (!step_times_.has_value()) return;
  // A step with prompt tokens would not show what a plain one takes.
  const bool has_prefill = base_rows > static_cast<int>(decoding.size());
  const std::vector<int> nodes = since_plain_ < kPlainInterval || has_prefill
                                     ? ChooseNodes(decoding, base_rows, drafting_seconds)
                                     : std::vector<int>(decoding.size(), 0);
  for (size_t i = 0; i < decoding.size(); ++i) {
    if (nodes[i] == 0 && decoding[i]->proposal.size() > 1) {
      decoding[i]->fallback = FallbackReason::kDisabled;
    }
    decoding[i]->tree = decoding[i]->proposal.Prefix(1 + nodes[i]);
  }
}

std::vector<int> SpeculationControl::ChooseNodes(std::span<Sequence* const> decoding, int base_rows,
                                                 double drafting_seconds) const {
  std::vector<std::vector<float>> calibrated;
  calibrated.reserve(decoding.size());
  std::vector<PathProbabilities> probabilities;
  for (const Sequence* sequence : decoding) {
    const int source = sequence->placement.source;
    const bool has_draft = source >= 0 && sequence->proposal.size() > 1;
    calibrated.push_back(has_draft ? CalibratedPathProbabilities(*sequence, calibrations_[source])
                                   : std::vector<float>());
    probabilities.push_back(calibrated.back());
  }
  return PlanNodes(probabilities, {base_rows, drafting_seconds + lately_.RestOfStep()},
                   *step_times_);
}

void SpeculationControl::RecordTokens(const Sequence& sequence, std::span<const int32_t> tokens) {
  step_tokens_ += static_cast<double>(tokens.size());
  if (!step_times_.has_value() || sequence.placement.source < 0) return;
  RecordOutcome(sequence, tokens, &calibrations_[sequence.placement.source]);
  if (sequence.proposal.size() > 1 && !tokens.empty()) {
    first_candidates_.Record(sequence.proposal.token(1) == tokens[0]);
  }
}

bool SpeculationControl::MayPay(int sequences) const {
  return OneCandidateGain(sequences, first_candidates_.value(), lately_.RestOfStep(),
                          *step_times_) >= 1;
}

void SpeculationControl::RecordStep(const StepRows& rows, const StepSeconds& seconds) {
  const double tokens = std::exchange(step_tokens_, 0);
  if (!step_times_.has_value() || rows.sequences == 0) return;
  since_plain_ = rows.candidates == 0 && rows.prefill == 0 ? 0 : since_plain_ + 1;
  if (!rows.asked) first_candidates_.Forget();
  const int decoding = rows.sequences + rows.candidates;
  // Rows of prompts take another path through the backend.
  if (rows.prefill == 0) step_times_->Observe(decoding, seconds.forward);
  const double whole = step_times_->Seconds(decoding + rows.prefill);
  if (rows.speculating > 0) {
    // A share of this very step, so that what slows it down as a whole speaks neither for nor
    // against drafting.
    const double plain_share = step_times_->Seconds(rows.sequences + rows.prefill) / whole;
    gate_.Record({.sequences = rows.sequences,
                  .tokens = tokens,
                  .seconds = seconds.drafting + seconds.forward + seconds.rest,
                  .plain_seconds = seconds.forward * plain_share + seconds.rest,
                  .catching_up = rows.catching_up},
                 rows.asked);
  }
  const double decoding_seconds = seconds.forward * step_times_->Seconds(decoding) / whole;
  const double kept = 1 - 1 / kPriceSteps;
  lately_.sequences = kept * lately_.sequences + rows.sequences;
  lately_.candidates = kept * lately_.candidates + rows.candidates;
  lately_.tokens = kept * lately_.tokens + tokens;
  lately_.seconds = kept * lately_.seconds + seconds.drafting + decoding_seconds + seconds.rest;
  lately_.rest_seconds = kept * lately_.rest_seconds + seconds.rest;
  lately_.steps = kept * lately_.steps + 1;
}

DraftPrices SpeculationControl::Prices(int sequences) const {
  if (!step_times_.has_value() || lately_.tokens <= 0) return {};
  const double candidates = std::max(kPricedCandidates, lately_.candidates / lately_.sequences);
  const int rows = std::max(1, static_cast<int>(candidates * sequences));
  const double added = step_times_->Seconds(sequences + rows) - step_times_->Seconds(sequences);
  return {.token_seconds = static_cast<float>(lately_.seconds / lately_.tokens),
          .node_seconds = static_cast<float>(std::max(0.0, added / rows))};
}

}  // namespace chimera
