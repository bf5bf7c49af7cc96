#include "tests/common/metrics/exposition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

using ::testing::_;

constexpr char kGood[] =
    "# HELP a_total Things.\n"
    "# TYPE a_total counter\n"
    "a_total{x=\"1\"} 2\n"
    "a_total{x=\"q\\\"\\\\\"} 3\n"
    "# HELP b_seconds Time.\n"
    "# TYPE b_seconds histogram\n"
    "b_seconds_count 3\n"
    "b_seconds_sum 1.5\n"
    "b_seconds_bucket{le=\"0.1\"} 1\n"
    "b_seconds_bucket{le=\"1\"} 1\n"
    "b_seconds_bucket{le=\"+Inf\"} 3\n"
    "# HELP c_bytes Size.\n"
    "# TYPE c_bytes summary\n"
    "c_bytes_count 0\n"
    "c_bytes_sum 0\n"
    "c_bytes{quantile=\"0.5\"} Nan\n";

TEST(ExpositionTest, ReadsFamiliesAndSamples) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Exposition exposition, ParseExposition(kGood));
  EXPECT_EQ(exposition.families.at("a_total").type, "counter");
  EXPECT_EQ(exposition.families.at("b_seconds").help, "Time.");
  EXPECT_EQ(exposition.Value("a_total", {{"x", "1"}}), 2);
  EXPECT_EQ(exposition.Value("a_total", {{"x", "q\"\\"}}), 3);
  EXPECT_EQ(exposition.Value("b_seconds_bucket", {{"le", "+Inf"}}), 3);
  EXPECT_EQ(exposition.Value("c_bytes_count"), 0);
  EXPECT_EQ(exposition.Value("a_total"), std::nullopt);
  EXPECT_EQ(exposition.Value("a_total", {{"x", "2"}}), std::nullopt);
}

struct Fault {
  const char* name;
  const char* text;
  const char* replacement;
};

class BrokenExpositionTest : public ::testing::TestWithParam<Fault> {};

TEST_P(BrokenExpositionTest, IsNoticed) {
  const std::string text = absl::StrReplaceAll(kGood, {{GetParam().text, GetParam().replacement}});
  ASSERT_NE(text, kGood);
  EXPECT_THAT(ParseExposition(text), StatusIs(absl::StatusCode::kInvalidArgument, _));
}

INSTANTIATE_TEST_SUITE_P(
    All, BrokenExpositionTest,
    ::testing::Values(
        Fault{"NoHelp", "# HELP a_total Things.\n", ""},
        Fault{"NoType", "# TYPE a_total counter\n", ""}, Fault{"UnknownType", "counter", "number"},
        Fault{"CounterWithoutTotal", "a_total", "a"}, Fault{"NegativeCounter", " 2\n", " -2\n"},
        Fault{"ValueIsNoNumber", " 2\n", " two\n"}, Fault{"SeriesTwice", "q\\\"\\\\", "1"},
        Fault{"LabelWithoutQuotes", "\"1\"} 2", "1} 2"},
        Fault{"NameWithHyphen", "a_total{x=\"1\"}", "a-total{x=\"1\"}"},
        Fault{"ForeignSample", "b_seconds_sum", "d_seconds_sum"},
        Fault{"NoCount", "b_seconds_count 3\n", ""},
        Fault{"CountDiffers", "b_seconds_count 3", "b_seconds_count 2"},
        Fault{"BoundsDescend", "le=\"0.1\"", "le=\"2\""},
        Fault{"CountsFall", "le=\"0.1\"} 1", "le=\"0.1\"} 2"},
        Fault{"NoLastBucket", "b_seconds_bucket{le=\"+Inf\"} 3\n", ""},
        Fault{"BucketWithoutBound", "{le=\"0.1\"}", ""}),
    [](const ::testing::TestParamInfo<Fault>& test) { return std::string(test.param.name); });

TEST(ExpositionTest, NoticesALineThatDoesNotEnd) {
  std::string text = kGood;
  text.pop_back();
  EXPECT_THAT(ParseExposition(text), StatusIs(absl::StatusCode::kInvalidArgument, _));
}

}  // namespace
}  // namespace chimera::testing
