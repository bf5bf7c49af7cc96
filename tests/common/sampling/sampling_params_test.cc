#include "common/sampling/sampling_params.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/testing/special_values.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::kInfinity;
using ::chimera::testing::kNan;
using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(SamplingParamsTest, AcceptsDefaultsAndEveryLimit) {
  EXPECT_TRUE(ValidateSamplingParams({}).ok());
  EXPECT_TRUE(ValidateSamplingParams({.temperature = 100.0f, .top_k = 1, .min_p = 1.0f}).ok());
  EXPECT_TRUE(
      ValidateSamplingParams({.top_k = std::numeric_limits<int32_t>::max(), .top_p = 1e-30f}).ok());
}

TEST(SamplingParamsTest, NamesTheFieldAndItsLimits) {
  for (const float bad : {-0.5f, 100.5f, kInfinity, -kInfinity, kNan}) {
    EXPECT_THAT(ValidateSamplingParams({.temperature = bad}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("temperature"), HasSubstr("[0, 100]"))))
        << bad;
  }
  for (const float bad : {-0.1f, 1.5f, kInfinity, -kInfinity, kNan}) {
    EXPECT_THAT(ValidateSamplingParams({.min_p = bad}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("min_p"), HasSubstr("[0, 1]"))))
        << bad;
  }
  for (const float bad : {0.0f, -0.1f, 1.5f, kInfinity, -kInfinity, kNan}) {
    EXPECT_THAT(ValidateSamplingParams({.top_p = bad}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("top_p"), HasSubstr("(0, 1]"))))
        << bad;
  }
  EXPECT_THAT(
      ValidateSamplingParams({.top_k = -1}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("top_k"), HasSubstr("0 (off) or positive"), HasSubstr("-1"))));
}

TEST(SamplingParamsTest, GreedyBelowItsThreshold) {
  EXPECT_TRUE(SamplingParams{.temperature = 0.0f}.greedy());
  EXPECT_TRUE(SamplingParams{.temperature = 0.99e-4f}.greedy());
  EXPECT_FALSE(SamplingParams{.temperature = 1e-4f}.greedy());
}

}  // namespace
}  // namespace chimera
