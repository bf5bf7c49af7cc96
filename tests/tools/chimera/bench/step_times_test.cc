#include "tools/chimera/bench/step_times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <memory>

#include "common/metrics/metrics_exposer.h"
#include "common/metrics/verifier_metrics.h"
#include "tests/testing/status_matchers.h"
#include "tools/chimera/bench/http_get.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::HasSubstr;

TEST(StepTimesTest, AddsAndSubtracts) {
  StepTimes times = {5, 1, 2, 3, 4};
  times += {1, 1, 1, 1, 1};
  EXPECT_EQ(times, (StepTimes{6, 2, 3, 4, 5}));
  times -= {6, 2, 3, 4, 5};
  EXPECT_EQ(times, StepTimes());
}

class ReadStepTimesTest : public ::testing::Test {
 protected:
  ReadStepTimesTest() : metrics_(registry_.get(), {}) {
    exposer_ = *MetricsExposer::Start("127.0.0.1:0", {registry_});
  }

  const std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
  const VerifierMetrics metrics_;
  std::unique_ptr<MetricsExposer> exposer_;
};

TEST_F(ReadStepTimesTest, ReadsAVerifiersMetrics) {
  const auto& stages = metrics_.steps.stage_duration;
  stages[StepStage::kDraft].Observe(0.5);
  stages[StepStage::kVerify].Observe(2);
  stages[StepStage::kVerify].Observe(0.25);
  stages[StepStage::kCommit].Observe(0.125);
  stages[StepStage::kLink].Observe(1);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const StepTimes times, ReadStepTimes(exposer_->address()));
  EXPECT_EQ(times, (StepTimes{2, 0.5, 2.25, 0.125, 1}));
}

TEST_F(ReadStepTimesTest, NamesWhatIsMissing) {
  EXPECT_THAT(ParseStepTimes("# nothing\n"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("stage=\"verify\"")));
  EXPECT_THAT(HttpGet(exposer_->address(), "/elsewhere"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("404")));
  const std::string address = exposer_->address();
  exposer_.reset();
  EXPECT_THAT(ReadStepTimes(address), StatusIs(absl::StatusCode::kUnavailable, HasSubstr(address)));
  EXPECT_THAT(ReadStepTimes("nowhere"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nowhere")));
}

}  // namespace
}  // namespace chimera
