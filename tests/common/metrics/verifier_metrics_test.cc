#include "common/metrics/verifier_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/tree/token_tree.h"
#include "tests/common/metrics/exposition.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::Exposition;
using ::chimera::testing::LabelMap;
using ::chimera::testing::Sample;
using ::chimera::testing::Scrape;
using ::testing::ElementsAre;

class VerifierMetricsTest : public ::testing::Test {
 protected:
  static VerifierMetricsConfig Config() {
    return {.version = "1.2.3",
            .model_name = "m",
            .model_identity = "abc",
            .model_weights = "def",
            .numerics_id = "cpu-q8_0-1",
            .kv_block_size = "16",
            .kv_block_count = "128",
            .drafters = {"unix:/a", "b:1"},
            .context_length = 2048};
  }

  Exposition Read() const {
    absl::StatusOr<Exposition> exposition = Scrape(registry_);
    CHIMERA_EXPECT_OK(exposition);
    return exposition.ok() ? *std::move(exposition) : Exposition();
  }

  // Counts of the buckets, as they are: each includes those before it.
  std::vector<double> BucketCounts(const std::string& name) const {
    std::vector<double> counts;
    const Exposition exposition = Read();
    for (const Sample& sample : exposition.families.at(name).samples) {
      if (sample.labels.contains("le")) counts.push_back(sample.value);
    }
    return counts;
  }

  prometheus::Registry registry_;
  VerifierMetrics metrics_{&registry_, Config()};
};

TEST_F(VerifierMetricsTest, EveryLabelValueIsThereAtZero) {
  const Exposition exposition = Read();
  const auto expect_zeros = [&exposition](const std::string& name, const std::string& label,
                                          const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      EXPECT_EQ(exposition.Value(name, {{label, value}}), 0) << name << " " << value;
    }
  };
  expect_zeros("chimera_request_success_total", "finished_reason",
               {"stop", "length", "abort", "error"});
  expect_zeros("chimera_requests_rejected_total", "reason",
               {"queue_full", "draining", "invalid", "too_long"});
  expect_zeros("chimera_drafter_fallback_total", "reason",
               {"down", "timeout", "stale", "mismatch", "overload", "disabled", "not_asked"});
  expect_zeros("chimera_e2e_request_latency_seconds_count", "stream", {"false", "true"});
  expect_zeros("chimera_step_duration_seconds_count", "stage",
               {"draft", "link", "verify", "commit"});
  expect_zeros("chimera_link_bytes_total", "direction", {"sent", "received"});
  expect_zeros("chimera_drafter_connected", "drafter", {"unix:/a", "b:1"});
  for (int depth = 1; depth <= TokenTree::kMaxDepth; ++depth) {
    expect_zeros("chimera_spec_decode_num_accepted_tokens_per_pos_total", "position",
                 {absl::StrCat(depth)});
  }
}

TEST_F(VerifierMetricsTest, AllButTheInfoGaugesStartAtZero) {
  const Exposition exposition = Read();
  for (const auto& [name, family] : exposition.families) {
    for (const Sample& sample : family.samples) {
      EXPECT_EQ(sample.value, name.ends_with("_info") ? 1 : 0) << sample.name;
    }
  }
}

TEST_F(VerifierMetricsTest, EverySeriesHasTheCommonLabels) {
  const Exposition exposition = Read();
  for (const auto& [name, family] : exposition.families) {
    EXPECT_EQ(name.rfind("chimera_", 0), 0) << name;
    for (const Sample& sample : family.samples) {
      EXPECT_EQ(sample.labels.at("model_name"), "m") << name;
      EXPECT_EQ(sample.labels.at("engine"), "0") << name;
    }
  }
}

TEST_F(VerifierMetricsTest, InfoGaugesSayWhatRuns) {
  const Exposition exposition = Read();
  EXPECT_EQ(exposition.Value("chimera_build_info", {{"version", "1.2.3"}}), 1);
  EXPECT_EQ(
      exposition.Value("chimera_model_info",
                       {{"identity", "abc"}, {"weights", "def"}, {"numerics_id", "cpu-q8_0-1"}}),
      1);
  EXPECT_EQ(exposition.Value("chimera_cache_config_info",
                             {{"block_size", "16"}, {"num_gpu_blocks", "128"}}),
            1);
}

TEST_F(VerifierMetricsTest, CountsUnderTheLabelThatItIsGiven) {
  metrics_.requests.success[FinishedReason::kLength].Increment();
  metrics_.requests.rejected[RejectReason::kTooLong].Increment();
  metrics_.speculation.fallback[FallbackReason::kDisabled].Increment(3);
  metrics_.links[0].bytes[LinkDirection::kReceived].Increment(100);
  metrics_.links[1].connected.Set(1);
  for (const LinkMetrics& link : metrics_.links) link.reconnects.Increment();
  metrics_.speculation.accepted_at_depth[0].Increment(2);
  metrics_.speculation.draft_tokens_of_source[CandidateSource::kNgram].Increment(4);
  metrics_.latency.end_to_end[ReplyStreaming::kOn].Observe(1);
  metrics_.steps.stage_duration[StepStage::kCommit].Observe(1);
  const Exposition exposition = Read();
  const auto value = [&exposition](const std::string& name, const LabelMap& labels) {
    return exposition.Value(name, labels);
  };
  EXPECT_EQ(value("chimera_request_success_total", {{"finished_reason", "length"}}), 1);
  EXPECT_EQ(value("chimera_request_success_total", {{"finished_reason", "stop"}}), 0);
  EXPECT_EQ(value("chimera_requests_rejected_total", {{"reason", "too_long"}}), 1);
  EXPECT_EQ(value("chimera_drafter_fallback_total", {{"reason", "disabled"}}), 3);
  EXPECT_EQ(
      value("chimera_link_bytes_total", {{"peer_role", "drafter"}, {"direction", "received"}}),
      100);
  EXPECT_EQ(value("chimera_drafter_connected", {{"drafter", "unix:/a"}}), 0);
  EXPECT_EQ(value("chimera_drafter_connected", {{"drafter", "b:1"}}), 1);
  EXPECT_EQ(value("chimera_drafter_reconnects_total", {}), 2);
  EXPECT_EQ(value("chimera_spec_decode_num_accepted_tokens_per_pos_total", {{"position", "1"}}), 2);
  EXPECT_EQ(value("chimera_spec_decode_num_draft_tokens_per_source_total", {{"source", "ngram"}}),
            4);
  EXPECT_EQ(value("chimera_e2e_request_latency_seconds_count", {{"stream", "true"}}), 1);
  EXPECT_EQ(value("chimera_step_duration_seconds_count", {{"stage", "commit"}}), 1);
}

TEST_F(VerifierMetricsTest, AnObservationIsInTheFirstBucketNotBelowIt) {
  for (const double length : {0.0, 1.0, 1.5, 16.0, 17.0}) {
    metrics_.speculation.accepted_length.Observe(length);
  }
  EXPECT_THAT(BucketCounts("chimera_spec_decode_accepted_length"),
              ElementsAre(1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 5));
  EXPECT_EQ(Read().Value("chimera_spec_decode_accepted_length_sum"), 35.5);
  EXPECT_EQ(Read().Value("chimera_spec_decode_accepted_length_count"), 5);
}

TEST_F(VerifierMetricsTest, BucketsOfTokensReachToTheContextLength) {
  std::vector<std::string> bounds;
  const Exposition exposition = Read();
  for (const Sample& sample : exposition.families.at("chimera_request_prompt_tokens").samples) {
    if (sample.labels.contains("le")) bounds.push_back(sample.labels.at("le"));
  }
  EXPECT_THAT(bounds, ElementsAre("1", "2", "5", "10", "20", "50", "100", "200", "500", "1000",
                                  "2000", "+Inf"));
}

TEST_F(VerifierMetricsTest, AVerifierWithoutDraftersHasNoDrafterSeries) {
  prometheus::Registry registry;
  VerifierMetricsConfig config = Config();
  config.drafters.clear();
  const VerifierMetrics metrics(&registry, config);
  EXPECT_TRUE(metrics.links.empty());
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Exposition exposition, Scrape(registry));
  EXPECT_FALSE(exposition.families.contains("chimera_drafter_connected"));
  EXPECT_EQ(exposition.Value("chimera_drafter_reconnects_total"), 0);
}

TEST_F(VerifierMetricsTest, AMetricThatIsNotThereEndsTheProcess) {
  EXPECT_DEATH(metrics_.speculation.accepted_at_depth[TokenTree::kMaxDepth].Increment(),
               "metric 15 of 15");
}

}  // namespace
}  // namespace chimera
