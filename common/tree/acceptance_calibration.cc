#include "common/tree/acceptance_calibration.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/isotonic.h"

namespace chimera {
namespace {

// Trials that the prior of a bin is worth.
constexpr float kPriorTrials = 8;

// Upper ends of the bins but the last, whose end is 1. Close where a candidate's worth is decided.
constexpr std::array<float, 11> kBinEnds = {0.02f, 0.05f, 0.1f, 0.17f, 0.25f, 0.35f,
                                            0.5f,  0.65f, 0.8f, 0.9f,  0.96f};

// Middles of the bins, where the curve's points are.
constexpr std::array<float, 12> kBinCentres = {0.01f,  0.035f, 0.075f, 0.135f, 0.21f, 0.3f,
                                               0.425f, 0.575f, 0.725f, 0.85f,  0.93f, 0.98f};

}  // namespace

int AcceptanceCalibration::BinOf(float claimed) {
  static_assert(kBinEnds.size() == kBins - 1 && kBinCentres.size() == kBins);
  return static_cast<int>(std::ranges::upper_bound(kBinEnds, claimed) - kBinEnds.begin());
}

void AcceptanceCalibration::Add(float claimed, bool accepted, Bin* bin) {
  constexpr float kKept = 1 - 1 / kMemory;
  bin->trials = kKept * bin->trials + 1;
  bin->accepted = kKept * bin->accepted + (accepted ? 1.0f : 0.0f);
  bin->claimed = kKept * bin->claimed + claimed;
}

void AcceptanceCalibration::Fit(const std::array<float, kBins>& prior, Curve* curve) {
  std::array<float, kBins> weights;
  for (int i = 0; i < kBins; ++i) {
    const Bin& bin = curve->bins[i];
    // Seen where the claims lie, told for the bin's centre: the difference is the slope's, at most
    // 1.
    const float offset = bin.trials > 0 ? kBinCentres[i] - bin.claimed / bin.trials : 0;
    const float accepted = std::clamp(bin.accepted + offset * bin.trials, 0.0f, bin.trials);
    weights[i] = bin.trials + kPriorTrials;
    curve->shares[i] = (accepted + kPriorTrials * prior[i]) / weights[i];
  }
  MakeAscending<float>(weights, curve->shares);
}

void AcceptanceCalibration::Fit(Curves* curves) {
  Fit(kBinCentres, &curves->all_depths);
  for (Curve& curve : curves->by_depth) Fit(curves->all_depths.shares, &curve);
  curves->is_stale = false;
}

AcceptanceCalibration::Curves& AcceptanceCalibration::CurvesOf(const CandidateKind& kind) const {
  CHIMERA_CHECK(kind.depth >= 1) << "depth " << kind.depth;
  return curves_[static_cast<int>(kind.source)][kind.sampled ? 1 : 0];
}

float AcceptanceCalibration::Calibrated(const CandidateKind& kind, float claimed) const {
  Curves& curves = CurvesOf(kind);
  if (curves.is_stale) Fit(&curves);
  const auto& shares = curves.by_depth[std::min(kind.depth, kDepths) - 1].shares;
  // Straight lines through the points; beyond them towards (0, 0) and (1, last share).
  const auto right = std::ranges::upper_bound(kBinCentres, claimed);
  const int i = static_cast<int>(right - kBinCentres.begin());
  if (i == kBins) return shares.back();
  const float left_x = i == 0 ? 0 : kBinCentres[i - 1];
  const float left_y = i == 0 ? 0 : shares[i - 1];
  return left_y + (shares[i] - left_y) * (claimed - left_x) / (kBinCentres[i] - left_x);
}

void AcceptanceCalibration::Record(const CandidateKind& kind, float claimed, bool accepted) {
  Curves& curves = CurvesOf(kind);
  const int bin = BinOf(claimed);
  Add(claimed, accepted, &curves.all_depths.bins[bin]);
  Add(claimed, accepted, &curves.by_depth[std::min(kind.depth, kDepths) - 1].bins[bin]);
  curves.is_stale = true;
}

}  // namespace chimera
