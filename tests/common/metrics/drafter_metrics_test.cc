#include "common/metrics/drafter_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include "tests/common/metrics/exposition.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::Exposition;
using ::chimera::testing::Sample;
using ::chimera::testing::Scrape;

class DrafterMetricsTest : public ::testing::Test {
 protected:
  prometheus::Registry registry_;
  DrafterMetrics metrics_{&registry_, {.model_name = "ngram"}};
};

TEST_F(DrafterMetricsTest, EveryLabelValueIsThereAtZero) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Exposition exposition, Scrape(registry_));
  for (const char* reason : {"protocol_violation", "protocol_mismatch", "fingerprint_mismatch",
                             "too_many_streams", "draining", "unknown_sequence", "overloaded"}) {
    EXPECT_EQ(exposition.Value("chimera_drafter_refusals_total", {{"reason", reason}}), 0)
        << reason;
  }
  EXPECT_EQ(exposition.families.size(), 10);
  for (const auto& [name, family] : exposition.families) {
    for (const Sample& sample : family.samples) {
      EXPECT_EQ(sample.value, name == "chimera_build_info" ? 1 : 0) << sample.name;
      EXPECT_EQ(sample.labels.at("model_name"), "ngram");
      EXPECT_EQ(sample.labels.at("engine"), "0");
    }
  }
}

TEST_F(DrafterMetricsTest, CountsUnderItsNames) {
  metrics_.service.ready.Set(1);
  metrics_.service.draining.Set(1);
  metrics_.connected_verifiers.Set(2);
  metrics_.open_sequences.Set(3);
  metrics_.steps.Increment(4);
  metrics_.drafts.Increment(5);
  metrics_.draft_nodes.Increment(6);
  metrics_.draft_duration.Observe(50e-6);
  metrics_.refusals[RefusalReason::kOverloaded].Increment(7);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Exposition exposition, Scrape(registry_));
  EXPECT_EQ(exposition.Value("chimera_ready"), 1);
  EXPECT_EQ(exposition.Value("chimera_draining"), 1);
  EXPECT_EQ(exposition.Value("chimera_drafter_connected_verifiers"), 2);
  EXPECT_EQ(exposition.Value("chimera_drafter_open_sequences"), 3);
  EXPECT_EQ(exposition.Value("chimera_drafter_steps_total"), 4);
  EXPECT_EQ(exposition.Value("chimera_drafter_drafts_total"), 5);
  EXPECT_EQ(exposition.Value("chimera_drafter_draft_nodes_total"), 6);
  EXPECT_EQ(exposition.Value("chimera_drafter_draft_duration_seconds_sum"), 50e-6);
  EXPECT_EQ(exposition.Value("chimera_drafter_refusals_total", {{"reason", "overloaded"}}), 7);
}

}  // namespace
}  // namespace chimera
