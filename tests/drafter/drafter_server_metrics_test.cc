// What a scrape of a drafter shows.

#include <gmock/gmock.h>
#include <grpc/grpc.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/version.h"
#include "drafter/drafter_server.h"
#include "tests/common/metrics/exposition.h"
#include "tests/drafter/draft_messages.h"
#include "tests/drafter/fake_draft_model.h"
#include "tests/drafter/raw_drafter_stream.h"
#include "tests/testing/eventually.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Optional;

class DrafterServerMetricsTest : public ::testing::Test {
 protected:
  // Keeps the library: each of its shutdowns can wait ten seconds for one of its threads.
  static void SetUpTestSuite() { grpc_init(); }

  DrafterServerMetricsTest() {
    config_.max_sequences = 2;
    config_.metrics_address = "127.0.0.1:0";
    absl::StatusOr<std::unique_ptr<DrafterServer>> server =
        DrafterServer::Start(config_, TestTarget(), std::make_unique<FakeDraftModel>());
    CHIMERA_EXPECT_OK(server);
    server_ = *std::move(server);
  }

  std::unique_ptr<RawDrafterStream> Open() {
    return std::make_unique<RawDrafterStream>(server_->InProcessChannel());
  }

  // The value of the only series of that name and these labels, -1 if there is none.
  double Value(const std::string& name, const LabelMap& labels = {}) const {
    const absl::StatusOr<Exposition> exposition = Scrape(server_->metrics_address());
    CHIMERA_EXPECT_OK(exposition);
    return exposition.ok() ? exposition->Value(name, labels).value_or(-1) : -1;
  }

  // Waits, since an answer may reach the verifier before it is counted.
  void ExpectValue(const std::string& name, double value, const LabelMap& labels = {}) const {
    EXPECT_TRUE(Eventually([&] { return Value(name, labels) == value; }))
        << name << " is " << Value(name, labels) << ", should be " << value;
  }

  void ExpectRefusals(const std::string& reason, double count) const {
    ExpectValue("chimera_drafter_refusals_total", count, {{"reason", reason}});
  }

  DrafterConfig config_;
  std::unique_ptr<DrafterServer> server_;
};

TEST_F(DrafterServerMetricsTest, SayWhatRuns) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Exposition exposition, Scrape(server_->metrics_address()));
  EXPECT_EQ(exposition.Value("chimera_ready", {{"model_name", "fake"}}), 1);
  EXPECT_EQ(exposition.Value("chimera_draining"), 0);
  EXPECT_EQ(exposition.Value("chimera_build_info", {{"version", kVersion}}), 1);
  EXPECT_THAT(exposition.Value("process_threads"), Optional(Ge(2)));
}

TEST_F(DrafterServerMetricsTest, CountStepsAndDrafts) {
  auto stream = Open();
  ASSERT_TRUE(stream->Exchange(MakeHello()).has_value());
  const auto other = Open();
  ASSERT_TRUE(other->Exchange(MakeHello()).has_value());
  ExpectValue("chimera_drafter_connected_verifiers", 2);

  v1::SequenceUpdate silent = MakeFirstUpdate(2, 1, 0, {9});
  silent.set_node_budget(0);
  ASSERT_TRUE(stream->Exchange(MakeStep(1, {MakeFirstUpdate(1, 1, 0, {7}), silent})).has_value());
  ASSERT_TRUE(stream->Exchange(MakeStep(2, {MakeUpdate(1, 1, 1, {8})})).has_value());
  ExpectValue("chimera_drafter_steps_total", 2);
  EXPECT_EQ(Value("chimera_drafter_open_sequences"), 2);
  EXPECT_EQ(Value("chimera_drafter_drafts_total"), 2);
  EXPECT_EQ(Value("chimera_drafter_draft_nodes_total"), 6);
  EXPECT_EQ(Value("chimera_drafter_draft_duration_seconds_count"), 2);
  EXPECT_GT(Value("chimera_drafter_draft_duration_seconds_sum"), 0);

  stream.reset();
  ExpectValue("chimera_drafter_connected_verifiers", 1);
  ExpectValue("chimera_drafter_open_sequences", 0);
}

TEST_F(DrafterServerMetricsTest, CountRefusalsByReason) {
  TargetInfo target = TestTarget();
  target.fingerprint.identity = std::string(64, 'c');
  EXPECT_FALSE(Open()->Exchange(MakeHello(target)).has_value());
  ExpectRefusals("fingerprint_mismatch", 1);

  v1::DraftRequest hello = MakeHello();
  hello.mutable_hello()->set_protocol_version(kDraftProtocolVersion + 1);
  EXPECT_FALSE(Open()->Exchange(hello).has_value());
  ExpectRefusals("protocol_mismatch", 1);

  EXPECT_FALSE(Open()->Exchange(MakeStep(1, {})).has_value());
  ExpectRefusals("protocol_violation", 1);

  const auto stream = Open();
  ASSERT_TRUE(stream->Exchange(MakeHello()).has_value());
  ASSERT_TRUE(stream->Exchange(MakeStep(1, {MakeUpdate(5, 1, 3, {7})})).has_value());
  ExpectRefusals("unknown_sequence", 1);
  ASSERT_TRUE(
      stream
          ->Exchange(MakeStep(2, {MakeFirstUpdate(1, 1, 0, {7}), MakeFirstUpdate(2, 1, 0, {7}),
                                  MakeFirstUpdate(3, 1, 0, {7})}))
          .has_value());
  ExpectRefusals("overloaded", 1);
  EXPECT_EQ(Value("chimera_drafter_drafts_total"), 2);
}

TEST_F(DrafterServerMetricsTest, CountStreamsThatAreTooMany) {
  std::vector<std::unique_ptr<RawDrafterStream>> streams;
  for (int i = 0; i < DrafterService::kMaxStreams; ++i) {
    streams.push_back(Open());
    ASSERT_TRUE(streams.back()->Exchange(MakeHello()).has_value());
  }
  EXPECT_FALSE(Open()->Exchange(MakeHello()).has_value());
  ExpectRefusals("too_many_streams", 1);
}

TEST_F(DrafterServerMetricsTest, ShowThatItDrains) {
  CHIMERA_EXPECT_OK(server_->Drain());
  EXPECT_EQ(Value("chimera_ready"), 0);
  EXPECT_EQ(Value("chimera_draining"), 1);
}

TEST_F(DrafterServerMetricsTest, APortInUseIsAnErrorThatNamesTheFlag) {
  config_.metrics_address = server_->metrics_address();
  EXPECT_THAT(DrafterServer::Start(config_, TestTarget(), std::make_unique<FakeDraftModel>()),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("--metrics_listen"), HasSubstr(config_.metrics_address),
                             HasSubstr("in use"))));
}

TEST(DrafterServerMetricsOffTest, AreOffUnlessAnAddressIsGiven) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<DrafterServer> server,
      DrafterServer::Start({}, TestTarget(), std::make_unique<FakeDraftModel>()));
  EXPECT_EQ(server->metrics_address(), "");
}

}  // namespace
}  // namespace chimera::testing
