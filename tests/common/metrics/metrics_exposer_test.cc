#include "common/metrics/metrics_exposer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/metrics/process_collector.h"
#include "common/metrics/verifier_metrics.h"
#include "tests/common/metrics/exposition.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::Exposition;
using ::chimera::testing::ParseExposition;
using ::chimera::testing::Scrape;
using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(MetricsExposerTest, ServesWhatItIsGivenOnAPortOfTheKernel) {
  const auto registry = std::make_shared<prometheus::Registry>();
  VerifierMetricsConfig config;
  config.model_name = "a \"model\"\\\nof two lines";
  const VerifierMetrics metrics(registry.get(), config);
  CHIMERA_ASSERT_OK_AND_ASSIGN(
      const auto exposer,
      MetricsExposer::Start("127.0.0.1:0", {registry, std::make_shared<ProcessCollector>()}));
  EXPECT_THAT(exposer->address(), AllOf(StartsWith("127.0.0.1:"), Not(HasSubstr(":0"))));

  metrics.requests.prompt_tokens.Increment(7);
  const httplib::Result response = httplib::Client("http://" + exposer->address()).Get("/metrics");
  ASSERT_TRUE(response) << response.error();
  EXPECT_EQ(response->status, 200);
  EXPECT_THAT(response->get_header_value("Content-Type"), StartsWith("text/plain"));
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Exposition exposition, ParseExposition(response->body));
  EXPECT_EQ(exposition.Value("chimera_prompt_tokens_total", {{"model_name", config.model_name}}),
            7);
  EXPECT_TRUE(exposition.Value("process_threads").has_value());
}

TEST(MetricsExposerTest, SameNamesAreOneFamily) {
  const auto add = [](int value) {
    auto registry = std::make_shared<prometheus::Registry>();
    prometheus::BuildCounter()
        .Name("a_total")
        .Help("Things.")
        .Register(*registry)
        .Add({{"value", absl::StrCat(value)}})
        .Increment(value);
    return registry;
  };
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto exposer,
                               MetricsExposer::Start("127.0.0.1:0", {add(1), add(2)}));
  const httplib::Result response = httplib::Client("http://" + exposer->address()).Get("/metrics");
  ASSERT_TRUE(response) << response.error();
  const std::string heading = "# HELP a_total";
  const size_t first = response->body.find(heading);
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(response->body.find(heading, first + 1), std::string::npos);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Exposition exposition, ParseExposition(response->body));
  EXPECT_EQ(exposition.Value("a_total", {{"value", "1"}}), 1);
  EXPECT_EQ(exposition.Value("a_total", {{"value", "2"}}), 2);
}

TEST(MetricsExposerTest, EveryScrapeIsFresh) {
  const auto registry = std::make_shared<prometheus::Registry>();
  prometheus::Counter& counter =
      prometheus::BuildCounter().Name("a_total").Help("Things.").Register(*registry).Add({});
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto exposer,
                               MetricsExposer::Start("localhost:0", {registry}));
  for (int count = 0; count < 3; ++count) {
    CHIMERA_ASSERT_OK_AND_ASSIGN(const Exposition exposition, Scrape(exposer->address()));
    EXPECT_EQ(exposition.Value("a_total"), count);
    counter.Increment();
  }
}

TEST(MetricsExposerTest, OtherPathsAreNotFound) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto exposer, MetricsExposer::Start("127.0.0.1:0", {}));
  for (const char* path : {"/", "/etc/passwd", "/../etc/passwd", "/metricsx"}) {
    const httplib::Result response = httplib::Client("http://" + exposer->address()).Get(path);
    ASSERT_TRUE(response) << response.error();
    EXPECT_EQ(response->status, 404) << path;
  }
}

TEST(MetricsExposerTest, AnOccupiedPortIsAnErrorWithAddressAndCause) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto first, MetricsExposer::Start("127.0.0.1:0", {}));
  EXPECT_THAT(MetricsExposer::Start(first->address(), {}),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("--metrics_listen"), HasSubstr(first->address()),
                             HasSubstr("in use"))));
}

TEST(MetricsExposerTest, APortIsFreeAgainAfterDestruction) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(auto exposer, MetricsExposer::Start("127.0.0.1:0", {}));
  const std::string address = exposer->address();
  exposer.reset();
  EXPECT_THAT(Scrape(address), StatusIs(absl::StatusCode::kUnavailable, HasSubstr(address)));
  CHIMERA_EXPECT_OK(MetricsExposer::Start(address, {}));
}

TEST(MetricsExposerTest, AHostOfAnotherMachineIsAnError) {
  EXPECT_THAT(MetricsExposer::Start("192.0.2.1:0", {}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("192.0.2.1:0")));
}

TEST(MetricsExposerTest, RefusesWhatIsNoAddress) {
  for (const char* address :
       {"", "9090", ":9090", "localhost", "localhost:", "localhost:x", "localhost:-1",
        "localhost:65536", "localhost:9090s", "localhost:9090,0.0.0.0:9091", "::1:9090",
        "[::1]:9090", "+localhost:9090", "unix:/run/x.sock"}) {
    EXPECT_THAT(MetricsExposer::Start(address, {}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(absl::StrCat("--metrics_listen is \"", address, "\""))));
  }
}

}  // namespace
}  // namespace chimera
