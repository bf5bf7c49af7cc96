// What the reports say of figures that are easy to check by hand.

#include "tools/gpu_bench/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace chimera {
namespace {

using ::nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

TimeSpread Exactly(double seconds) { return {seconds, seconds, seconds}; }

// A device that reads 1000 GB/s, and a model of one layer.
GpuBenchResult Result() {
  GpuBenchResult result;
  result.device.name = "a device";
  result.repetitions = 3;
  result.read = {1'000'000'000, Exactly(1e-3)};
  ModelTimes model;
  model.shape = *FindModelShape("tiny");
  model.gemm.push_back({{"a layer", 1000, 500, 2}, {{2, Exactly(2e-6), Exactly(4e-6)}}});
  model.attention.push_back(
      {.context = 8, .rows = 1, .kv_bytes = 500'000, .seconds = Exactly(1e-6)});
  model.decoding = DecodeTimes{.context = 8, .tokens = 10, .plain_seconds = Exactly(1)};
  model.decoding->trees.push_back({.acceptance = 0.5, .steps = 4, .seconds = Exactly(0.5)});
  model.drafting = DraftTimes{.context = 8,
                              .level_weight_bytes = 500'000,
                              .root_seconds = Exactly(1e-6),
                              .levels = {{8, Exactly(2e-6)}}};
  result.models.push_back(model);
  return result;
}

TEST(GpuBenchReportTest, FiguresFollowFromTimes) {
  const json report = json::parse(ReportJson(Result()));
  const json& product = report.at("models").at(0).at("gemm").at(0).at("times").at(0);
  EXPECT_NEAR(product.at("own").at("gb_per_s").get<double>(), 500, 1e-9);
  EXPECT_NEAR(product.at("own").at("bandwidth_share").get<double>(), 0.5, 1e-12);
  EXPECT_NEAR(product.at("own").at("tflop_per_s").get<double>(), 1, 1e-12);
  EXPECT_NEAR(product.at("speed_ratio").get<double>(), 2, 1e-12);
  const json& attention = report.at("models").at(0).at("attention").at(0);
  EXPECT_NEAR(attention.at("bandwidth_share").get<double>(), 0.5, 1e-12);
  const json& decode = report.at("models").at(0).at("decode");
  EXPECT_NEAR(decode.at("plain").at("tokens_per_s").get<double>(), 10, 1e-12);
  EXPECT_NEAR(decode.at("trees").at(0).at("tokens_per_step").get<double>(), 2.5, 1e-12);
  EXPECT_NEAR(decode.at("trees").at(0).at("speed_up").get<double>(), 2, 1e-12);
  const json& level = report.at("models").at(0).at("draft").at("levels").at(0);
  EXPECT_EQ(level.at("rows"), 8);
  EXPECT_NEAR(level.at("gb_per_s").get<double>(), 250, 1e-9);
  EXPECT_NEAR(level.at("bandwidth_share").get<double>(), 0.25, 1e-12);
}

TEST(GpuBenchReportTest, WhatWasNotMeasuredIsAbsent) {
  GpuBenchResult result = Result();
  result.models[0].decoding.reset();
  result.models[0].drafting.reset();
  result.models[0].skipped = "too large";
  const json report = json::parse(ReportJson(result));
  EXPECT_FALSE(report.contains("copies"));
  EXPECT_FALSE(report.contains("launches"));
  EXPECT_FALSE(report.at("models").at(0).contains("decode"));
  EXPECT_FALSE(report.at("models").at(0).contains("draft"));
  EXPECT_EQ(report.at("models").at(0).at("skipped"), "too large");
  EXPECT_THAT(ReportTable(result), HasSubstr("steps skipped: too large"));
}

TEST(GpuBenchReportTest, TokensThatDifferAreSaid) {
  GpuBenchResult result = Result();
  EXPECT_TRUE(IsLossless(result));
  EXPECT_THAT(ReportTable(result), HasSubstr("tokens identical"));
  result.models[0].decoding->trees[0].is_identical = false;
  EXPECT_FALSE(IsLossless(result));
  EXPECT_THAT(ReportTable(result), HasSubstr("tokens DIFFERENT"));
  EXPECT_THAT(ReportTable(result), Not(HasSubstr("identical")));
}

}  // namespace
}  // namespace chimera
