// What a scrape of a verifier shows of its service and of its links to drafters.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "common/base/version.h"
#include "common/rpc/proto_conversion.h"
#include "tests/common/metrics/exposition.h"
#include "tests/verifier/drafter_client/scripted_drafter.h"
#include "tests/verifier/service/service_fixture.h"

namespace chimera::testing {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Optional;
using ::testing::StartsWith;

constexpr int32_t kFewTokens = 20;

class MetricsTest : public ServiceFixture {
 protected:
  VerifierConfig MetricsConfig() const {
    VerifierConfig config = Config();
    config.metrics_address = "127.0.0.1:0";
    return config;
  }

  // A drafter for the served model, whose drafts have one candidate each.
  void StartDrafter() {
    v1::DraftResponse ready = ValidReady();
    ToProto(model_->fingerprint(), ready.mutable_ready()->mutable_fingerprint());
    drafter_ =
        std::make_unique<ScriptedDrafter>(drafter_address_, AfterHandshake(ready, AnswerSteps));
  }

  Exposition Read() const {
    absl::StatusOr<Exposition> exposition = Scrape(verifier_->metrics_address());
    CHIMERA_EXPECT_OK(exposition);
    return exposition.ok() ? *std::move(exposition) : Exposition();
  }

  // The value of the only series of that name and these labels, -1 if there is none.
  double Value(const std::string& name, const LabelMap& labels = {}) const {
    return Read().Value(name, labels).value_or(-1);
  }

  double Rejected(const std::string& reason) const {
    return Value("chimera_requests_rejected_total", {{"reason", reason}});
  }

  bool WaitForValue(const std::string& name, double value) const {
    return Eventually([&] { return Value(name) == value; });
  }

  const Address drafter_address_ = SocketAddress("drafter");
  std::unique_ptr<ScriptedDrafter> drafter_;
};

TEST_F(MetricsTest, AreOffUnlessAnAddressIsGiven) {
  Start(Config());
  EXPECT_EQ(verifier_->metrics_address(), "");
}

TEST_F(MetricsTest, SayWhatRuns) {
  Start(MetricsConfig());
  EXPECT_THAT(verifier_->metrics_address(), StartsWith("127.0.0.1:"));
  const Exposition exposition = Read();
  EXPECT_EQ(exposition.Value("chimera_ready", {{"model_name", model_->name()}, {"engine", "0"}}),
            1);
  EXPECT_EQ(exposition.Value("chimera_draining"), 0);
  EXPECT_EQ(exposition.Value("chimera_build_info", {{"version", kVersion}}), 1);
  EXPECT_EQ(exposition.Value("chimera_model_info", {{"identity", model_->fingerprint().identity},
                                                    {"weights", model_->fingerprint().weights}}),
            1);
  EXPECT_EQ(exposition.Value("chimera_cache_config_info",
                             {{"block_size", "16"},
                              {"num_gpu_blocks", std::to_string(kMaxRunning * kPagesPerRequest)}}),
            1);
  EXPECT_THAT(exposition.Value("process_threads"), Optional(Ge(2)));
}

TEST_F(MetricsTest, AReplyIsTimed) {
  Start(MetricsConfig());
  const std::string name = "chimera_e2e_request_latency_seconds";
  EXPECT_EQ(Value(name + "_count", {{"stream", "true"}}), 0);
  CHIMERA_ASSERT_OK(Generate(TextRequest(kPrompt, kFewTokens)).status);
  EXPECT_EQ(Value(name + "_count", {{"stream", "true"}}), 1);
  EXPECT_GT(Value(name + "_sum", {{"stream", "true"}}), 0);
  EXPECT_EQ(Value(name + "_count", {{"stream", "false"}}), 0);
  for (const char* reason : {"queue_full", "draining", "invalid", "too_long"}) {
    EXPECT_EQ(Rejected(reason), 0) << reason;
  }
}

TEST_F(MetricsTest, RefusedRequestsAreCountedByReason) {
  VerifierConfig config = MetricsConfig();
  config.engine.max_running_requests = 1;
  config.engine.max_waiting_requests = 1;
  Start(config);
  EXPECT_FALSE(Generate(TextRequest(kPrompt, 0)).status.ok());
  EXPECT_EQ(Rejected("invalid"), 1);
  v1::GenerateRequest too_long;
  too_long.mutable_token_ids()->mutable_ids()->Resize(kContextLength, 5);
  EXPECT_FALSE(Generate(too_long).status.ok());
  EXPECT_EQ(Rejected("too_long"), 1);

  gate_.Close();
  GenerateCall running(stub_.get(), TextRequest(kPrompt, kFewTokens));
  ASSERT_TRUE(WaitForLoad(1, 0));
  GenerateCall waiting(stub_.get(), TextRequest(kPrompt, kFewTokens));
  ASSERT_TRUE(WaitForLoad(1, 1));
  for (int refused = 1; refused <= 2; ++refused) {
    EXPECT_FALSE(Generate(TextRequest(kPrompt, kFewTokens)).status.ok());
    EXPECT_EQ(Rejected("queue_full"), refused);
  }
  gate_.Open();
  CHIMERA_EXPECT_OK(running.Finish().status);
  CHIMERA_EXPECT_OK(waiting.Finish().status);

  CHIMERA_EXPECT_OK(verifier_->Drain());
  EXPECT_EQ(Value("chimera_ready"), 0);
  EXPECT_EQ(Value("chimera_draining"), 1);
  EXPECT_EQ(Rejected("invalid"), 1);
  EXPECT_EQ(Rejected("draining"), 0);
}

TEST_F(MetricsTest, ALinkIsCounted) {
  StartDrafter();
  VerifierConfig config = MetricsConfig();
  config.drafter_addresses = {drafter_address_};
  Start(config);
  const LabelMap drafter = {{"drafter", drafter_address_.ToString()}};
  ASSERT_TRUE(Eventually([&] { return Value("chimera_drafter_connected", drafter) == 1; }));
  const LabelMap sent = {{"direction", "sent"}};
  const LabelMap received = {{"direction", "received"}};
  const double hello_bytes = Value("chimera_link_bytes_total", sent);
  const double ready_bytes = Value("chimera_link_bytes_total", received);
  EXPECT_GT(hello_bytes, 0);
  EXPECT_GT(ready_bytes, 0);
  EXPECT_EQ(Value("chimera_link_round_trip_seconds_count"), 0);

  CHIMERA_ASSERT_OK(Generate(TextRequest(kPrompt, kFewTokens)).status);
  EXPECT_GT(Value("chimera_link_round_trip_seconds_count"), 1);
  EXPECT_GT(Value("chimera_link_round_trip_seconds_sum"), 0);
  EXPECT_GT(Value("chimera_link_bytes_total", sent), hello_bytes);
  EXPECT_GT(Value("chimera_link_bytes_total", received), ready_bytes);
  EXPECT_EQ(Value("chimera_drafter_reconnects_total"), 0);

  drafter_.reset();
  ASSERT_TRUE(WaitForValue("chimera_drafter_connected", 0));
  StartDrafter();
  ASSERT_TRUE(WaitForValue("chimera_drafter_connected", 1));
  EXPECT_EQ(Value("chimera_drafter_reconnects_total"), 1);
}

TEST_F(MetricsTest, APortInUseIsAnErrorThatNamesTheFlag) {
  Start(MetricsConfig());
  VerifierConfig config = Config();
  config.listen_addresses = {SocketAddress("second")};
  config.metrics_address = verifier_->metrics_address();
  CHIMERA_ASSERT_OK_AND_ASSIGN(LoadedModel loaded, VerifierServer::Load(config, model_));
  EXPECT_THAT(VerifierServer::Start(config, std::move(loaded)),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("--metrics_listen"), HasSubstr(config.metrics_address),
                             HasSubstr("in use"))));
}

}  // namespace
}  // namespace chimera::testing
