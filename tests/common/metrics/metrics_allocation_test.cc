// Observing allocates nothing: the engine's thread does it at every step.

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include "common/metrics/drafter_metrics.h"
#include "common/metrics/verifier_metrics.h"
#include "tests/common/model/largest_allocation.h"

namespace chimera {
namespace {

using ::chimera::testing::TakeLargestAllocation;

TEST(MetricsAllocationTest, AVerifierObservesWithoutAllocating) {
  prometheus::Registry registry;
  VerifierMetricsConfig config;
  config.context_length = 8192;
  config.drafters = {"a:1"};
  const VerifierMetrics metrics(&registry, config);
  TakeLargestAllocation();
  metrics.requests.running.Set(1);
  metrics.requests.success[FinishedReason::kStop].Increment();
  metrics.requests.prompt_tokens_per_request.Observe(100);
  metrics.latency.end_to_end[ReplyStreaming::kOn].Observe(1);
  metrics.latency.inter_token.Observe(0.01);
  metrics.steps.stage_duration[StepStage::kVerify].Observe(0.1);
  metrics.speculation.accepted_at_depth[14].Increment();
  metrics.links[0].connected.Set(1);
  EXPECT_EQ(TakeLargestAllocation(), 0);
}

TEST(MetricsAllocationTest, ADrafterObservesWithoutAllocating) {
  prometheus::Registry registry;
  const DrafterMetrics metrics(&registry, {});
  TakeLargestAllocation();
  metrics.steps.Increment();
  metrics.draft_duration.Observe(0.001);
  metrics.refusals[RefusalReason::kDraining].Increment();
  EXPECT_EQ(TakeLargestAllocation(), 0);
}

TEST(MetricsAllocationTest, TheCountSeesTheLibrarysAllocations) {
  prometheus::Registry registry;
  const DrafterMetrics metrics(&registry, {});
  TakeLargestAllocation();
  EXPECT_FALSE(registry.Collect().empty());
  EXPECT_GT(TakeLargestAllocation(), 0);
}

}  // namespace
}  // namespace chimera
