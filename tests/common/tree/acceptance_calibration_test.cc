#include "common/tree/acceptance_calibration.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace chimera {
namespace {

constexpr CandidateKind kKind = {.source = CandidateSource::kNetwork, .depth = 2, .sampled = false};

// Candidates whose claims are spread evenly, accepted as `truth` says.
template <typename Truth>
void Observe(int count, const CandidateKind& kind, const Truth& truth,
             AcceptanceCalibration* calibration) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> uniform(0, 1);
  for (int i = 0; i < count; ++i) {
    const float claimed = uniform(random);
    calibration->Record(kind, claimed, uniform(random) < truth(claimed));
  }
}

void ExpectMonotone(const AcceptanceCalibration& calibration, const CandidateKind& kind) {
  float last = 0;
  for (int i = 0; i <= 1000; ++i) {
    const float share = calibration.Calibrated(kind, static_cast<float>(i) / 1000);
    EXPECT_GE(share, last) << i;
    EXPECT_LE(share, 1);
    last = share;
  }
}

TEST(AcceptanceCalibrationTest, ChangesHardlyAnythingUntried) {
  const AcceptanceCalibration calibration;
  for (int i = 0; i <= 100; ++i) {
    const float claimed = static_cast<float>(i) / 100;
    EXPECT_NEAR(calibration.Calibrated(kKind, claimed), claimed, 0.021) << claimed;
  }
}

TEST(AcceptanceCalibrationTest, LearnsACurve) {
  AcceptanceCalibration calibration;
  const auto truth = [](float claimed) { return claimed * claimed; };
  Observe(20'000, kKind, truth, &calibration);
  for (const float claimed : {0.1f, 0.3f, 0.5f, 0.7f, 0.9f}) {
    EXPECT_NEAR(calibration.Calibrated(kKind, claimed), truth(claimed), 0.07) << claimed;
  }
  ExpectMonotone(calibration, kKind);
}

TEST(AcceptanceCalibrationTest, StaysMonotoneWhateverHappens) {
  AcceptanceCalibration calibration;
  Observe(
      3000, kKind, [](float claimed) { return 1 - claimed; }, &calibration);
  ExpectMonotone(calibration, kKind);
  Observe(
      3000, kKind, [](float claimed) { return std::abs(std::sin(20 * claimed)); }, &calibration);
  ExpectMonotone(calibration, kKind);
}

TEST(AcceptanceCalibrationTest, ForgetsWhatIsLongAgo) {
  AcceptanceCalibration calibration;
  Observe(
      20'000, kKind, [](float) { return 0.0f; }, &calibration);
  EXPECT_LT(calibration.Calibrated(kKind, 0.9f), 0.03);
  Observe(
      20'000, kKind, [](float claimed) { return claimed; }, &calibration);
  EXPECT_NEAR(calibration.Calibrated(kKind, 0.9f), 0.9, 0.08);
}

TEST(AcceptanceCalibrationTest, OtherDepthsLearnLessAndOtherKindsNothing) {
  AcceptanceCalibration calibration;
  Observe(
      2000, kKind, [](float) { return 0.0f; }, &calibration);
  const float elsewhere = calibration.Calibrated({kKind.source, 3, false}, 0.7f);
  EXPECT_LT(elsewhere, 0.1);
  EXPECT_FLOAT_EQ(calibration.Calibrated({kKind.source, 2, true}, 0.725f), 0.725f);
  EXPECT_FLOAT_EQ(calibration.Calibrated({CandidateSource::kNgram, 2, false}, 0.725f), 0.725f);
  // A few observations of its own outweigh those of other depths.
  Observe(
      1000, {kKind.source, 3, false}, [](float claimed) { return claimed; }, &calibration);
  EXPECT_NEAR(calibration.Calibrated({kKind.source, 3, false}, 0.7f), 0.7, 0.1);
}

TEST(AcceptanceCalibrationTest, GreatDepthsShareOneCurve) {
  AcceptanceCalibration calibration;
  Observe(
      2000, {kKind.source, 15, false}, [](float) { return 0.0f; }, &calibration);
  EXPECT_EQ(calibration.Calibrated({kKind.source, 4, false}, 0.9f),
            calibration.Calibrated({kKind.source, 9, false}, 0.9f));
}

}  // namespace
}  // namespace chimera
