// Learns from the outcome how far the probabilities of candidates can be believed.

#ifndef CHIMERA_COMMON_TREE_ACCEPTANCE_CALIBRATION_H_
#define CHIMERA_COMMON_TREE_ACCEPTANCE_CALIBRATION_H_

#include <array>
#include <cstdint>

#include "common/tree/candidate_source.h"

namespace chimera {

// What candidates are told apart by, besides their probability.
struct CandidateKind {
  CandidateSource source = CandidateSource::kNetwork;
  int32_t depth = 1;     // below the root, at least 1
  bool sampled = false;  // whether the request draws its tokens
};

// Maps the claimed probability of a candidate, given that its parent is accepted, to the share of
// such candidates that were accepted lately: for each kind a monotone curve through bins of claimed
// probability. What was seen long ago counts less and less. A bin that has seen little leans on the
// same bin of its source at all depths, and that one on the claim itself, so that an untried
// calibration changes hardly anything. Copyable; one thread.
class AcceptanceCalibration {
 public:
  // Observations after which an older one of the same bin counts a third as much.
  static constexpr float kMemory = 512;

  // The probability to reckon with, in [0, 1]; never falls while `claimed` rises. `claimed` is in
  // [0, 1].
  float Calibrated(const CandidateKind& kind, float claimed) const;

  // A candidate whose parent was accepted was itself accepted, or not.
  void Record(const CandidateKind& kind, float claimed, bool accepted);

 private:
  static constexpr int kDepths = 4;  // the last stands for all greater ones
  static constexpr int kBins = 12;

  // What was seen of a bin, older observations counting less.
  struct Bin {
    float trials = 0;
    float accepted = 0;
    float claimed = 0;  // sum over the trials
  };
  struct Curve {
    std::array<Bin, kBins> bins;
    std::array<float, kBins> shares = {};  // at the bins' centres, ascending
  };
  struct Curves {
    Curve all_depths;
    std::array<Curve, kDepths> by_depth;
    bool is_stale = true;  // something was recorded since the curves were fitted
  };

  static int BinOf(float claimed);
  static void Add(float claimed, bool accepted, Bin* bin);
  // Renews the curve's shares; what was seen little leans on `prior`, at the bins' centres.
  static void Fit(const std::array<float, kBins>& prior, Curve* curve);
  static void Fit(Curves* curves);
  Curves& CurvesOf(const CandidateKind& kind) const;

  // By source, by sampled. Fitted when they are asked for: many records come between two questions.
  mutable std::array<std::array<Curves, 2>, kCandidateSourceCount> curves_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_TREE_ACCEPTANCE_CALIBRATION_H_
