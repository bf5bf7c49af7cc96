#include "drafter/drafter_server.h"

#include <gmock/gmock.h>
#include <grpc/grpc.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/rpc/channel.h"
#include "common/rpc/status_conversion.h"
#include "tests/drafter/draft_messages.h"
#include "tests/drafter/fake_draft_model.h"
#include "tests/drafter/raw_drafter_stream.h"
#include "tests/testing/eventually.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"

namespace chimera {
namespace {

using ::testing::ElementsAre;
using testing::Eventually;
using testing::FakeDraftModel;
using ::testing::HasSubstr;
using testing::MakeClose;
using testing::MakeFirstUpdate;
using testing::MakeHello;
using testing::MakeStep;
using testing::MakeUpdate;
using testing::RawDrafterStream;
using testing::StatusIs;
using testing::TestTarget;

Address UnixAddress(const std::string& path) {
  Address address;
  address.unix_path = path;
  return address;
}

class DrafterServerTest : public ::testing::Test {
 protected:
  // Keeps the library: each of its shutdowns can wait ten seconds for one of its threads.
  static void SetUpTestSuite() { grpc_init(); }

  DrafterServerTest() {
    config_.server.listen_addresses = {UnixAddress(directory_.path() + "/drafter.sock")};
    config_.max_sequences = 2;
    absl::StatusOr<std::unique_ptr<DrafterServer>> server =
        DrafterServer::Start(config_, TestTarget(), std::make_unique<FakeDraftModel>());
    CHIMERA_EXPECT_OK(server);
    server_ = *std::move(server);
    channel_ = CreateChannel(server_->addresses().front());
  }

  // A stream that has been greeted.
  std::unique_ptr<RawDrafterStream> Open() {
    auto stream = std::make_unique<RawDrafterStream>(channel_);
    const std::optional<v1::DraftResponse> ready = stream->Exchange(MakeHello());
    EXPECT_TRUE(ready.has_value() && ready->has_ready());
    return stream;
  }

  const testing::TempDirectory directory_;
  DrafterConfig config_;
  std::unique_ptr<DrafterServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

// The draft for the only sequence of a step, or nothing if the stream ended.
std::optional<v1::SequenceDraft> Draft(RawDrafterStream* stream, int64_t step,
                                       const v1::SequenceUpdate& update) {
  const std::optional<v1::DraftResponse> response = stream->Exchange(MakeStep(step, {update}));
  if (!response.has_value() || response->reply().drafts_size() != 1) return std::nullopt;
  EXPECT_EQ(response->reply().step(), step);
  return response->reply().drafts(0);
}

TEST_F(DrafterServerTest, DraftsStepAfterStep) {
  const auto stream = Open();
  std::optional<v1::SequenceDraft> draft = Draft(stream.get(), 1, MakeFirstUpdate(1, 1, 0, {7}));
  for (int32_t step = 2; step < 200; ++step) {
    ASSERT_TRUE(draft.has_value());
    ASSERT_EQ(draft->root_position(), step - 2);
    ASSERT_THAT(draft->tree().token_ids(), ElementsAre(step + 6, step + 7, step + 8));
    draft = Draft(stream.get(), step, MakeUpdate(1, 1, step - 1, {step + 6}));
  }
}

TEST_F(DrafterServerTest, RefusesAnotherModelWithAReason) {
  RawDrafterStream stream(channel_);
  TargetInfo target = TestTarget();
  target.fingerprint.identity = std::string(64, 'c');
  EXPECT_EQ(stream.Exchange(MakeHello(target)), std::nullopt);
  const absl::Status status = stream.Finish();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("cccc")));
  ASSERT_TRUE(GetErrorDetail(status).has_value());
  EXPECT_EQ(GetErrorDetail(status)->reason(), v1::ERROR_REASON_FINGERPRINT_MISMATCH);
}

TEST_F(DrafterServerTest, AViolationEndsOnlyItsStream) {
  const auto good = Open();
  const auto bad = Open();
  ASSERT_TRUE(Draft(good.get(), 1, MakeFirstUpdate(1, 1, 0, {7})).has_value());
  ASSERT_TRUE(Draft(bad.get(), 1, MakeFirstUpdate(1, 1, 0, {8})).has_value());
  EXPECT_FALSE(Draft(bad.get(), 2, MakeUpdate(1, 1, 9, {8})).has_value());
  EXPECT_THAT(bad->Finish(), StatusIs(absl::StatusCode::kInvalidArgument,
                                      HasSubstr("step.sequences[0].start_position is 9")));
  EXPECT_TRUE(Draft(good.get(), 2, MakeUpdate(1, 1, 1, {9})).has_value());
}

TEST_F(DrafterServerTest, StreamsDoNotShareSequences) {
  const auto first = Open();
  const auto second = Open();
  ASSERT_TRUE(Draft(first.get(), 1, MakeFirstUpdate(1, 1, 0, {100})).has_value());
  const auto draft = Draft(second.get(), 1, MakeFirstUpdate(1, 1, 50, {200}));
  ASSERT_TRUE(draft.has_value());
  EXPECT_EQ(draft->tree().token_ids(0), 201);
  EXPECT_EQ(Draft(first.get(), 2, MakeUpdate(1, 1, 1, {}))->tree().token_ids(0), 101);
}

TEST_F(DrafterServerTest, ReplaysUnderAHigherEpoch) {
  const auto stream = Open();
  ASSERT_TRUE(Draft(stream.get(), 1, MakeFirstUpdate(1, 1, 0, {100})).has_value());
  const auto draft = Draft(stream.get(), 2, MakeFirstUpdate(1, 2, 30, {200, 201}));
  ASSERT_TRUE(draft.has_value());
  EXPECT_EQ(draft->epoch(), 2);
  EXPECT_EQ(draft->root_position(), 31);
  EXPECT_EQ(draft->tree().token_ids(0), 202);
}

// Sends first updates until one is admitted: the drafter notices the end of another stream only
// after a while.
bool AdmittedEventually(RawDrafterStream* stream) {
  int64_t step = 0;
  return Eventually([&] {
    ++step;
    const auto draft = Draft(stream, step, MakeFirstUpdate(99, static_cast<int32_t>(step), 0, {1}));
    return draft.has_value() && draft->outcome() == v1::DRAFT_OUTCOME_DRAFTED;
  });
}

TEST_F(DrafterServerTest, TheSequencesOfALostVerifierAreFreed) {
  for (int round = 0; round < 5; ++round) {
    {
      const auto lost = Open();
      ASSERT_TRUE(lost->Exchange(MakeStep(1, {MakeFirstUpdate(1, 1, 0, {1}),
                                              MakeFirstUpdate(2, 1, 0, {1})}))
                      .has_value());
      const auto other = Open();
      EXPECT_EQ(Draft(other.get(), 1, MakeFirstUpdate(1, 1, 0, {1}))->outcome(),
                v1::DRAFT_OUTCOME_OVERLOADED);
      ASSERT_TRUE(lost->Send(MakeStep(2, {MakeUpdate(1, 1, 1, {2})})));
    }
    const auto next = Open();
    ASSERT_TRUE(AdmittedEventually(next.get()));
  }
}

TEST_F(DrafterServerTest, CloseIsNotAnswered) {
  const auto stream = Open();
  ASSERT_TRUE(Draft(stream.get(), 1, MakeFirstUpdate(1, 1, 0, {100})).has_value());
  ASSERT_TRUE(stream->Send(MakeClose({1})));
  EXPECT_EQ(Draft(stream.get(), 2, MakeUpdate(1, 1, 1, {5}))->outcome(),
            v1::DRAFT_OUTCOME_UNKNOWN_SEQUENCE);
  stream->CloseSending();
  CHIMERA_EXPECT_OK(stream->Finish());
}

TEST_F(DrafterServerTest, AnswersEverythingThatWasSentBeforeAnythingWasRead) {
  const auto stream = Open();
  ASSERT_TRUE(stream->Send(MakeStep(1, {MakeFirstUpdate(1, 1, 0, {1})})));
  for (int64_t step = 2; step <= 500; ++step) {
    ASSERT_TRUE(
        stream->Send(MakeStep(step, {MakeUpdate(1, 1, static_cast<int32_t>(step) - 1, {2})})));
  }
  stream->CloseSending();
  for (int64_t step = 1; step <= 500; ++step) {
    const std::optional<v1::DraftResponse> response = stream->Receive();
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->reply().step(), step);
  }
  CHIMERA_EXPECT_OK(stream->Finish());
}

TEST_F(DrafterServerTest, ServesManyVerifiersAtOnce) {
  constexpr int kVerifiers = 8;
  std::atomic<int> drafts = 0;
  std::vector<std::thread> verifiers;
  verifiers.reserve(kVerifiers);
  for (int i = 0; i < kVerifiers; ++i) {
    verifiers.emplace_back([&, i] {
      const auto stream = Open();
      for (int32_t step = 1; step <= 100; ++step) {
        const auto draft = Draft(stream.get(), step, MakeFirstUpdate(1, step, 0, {10 * i}));
        if (!draft.has_value()) return;
        if (draft->outcome() == v1::DRAFT_OUTCOME_DRAFTED) {
          EXPECT_EQ(draft->tree().token_ids(0), 10 * i + 1);
        }
        ++drafts;
      }
    });
  }
  for (std::thread& verifier : verifiers) verifier.join();
  EXPECT_EQ(drafts, kVerifiers * 100);
}

TEST_F(DrafterServerTest, DrainEndsStreamsWithAReason) {
  const auto busy = Open();
  const auto silent = std::make_unique<RawDrafterStream>(channel_);
  ASSERT_TRUE(Draft(busy.get(), 1, MakeFirstUpdate(1, 1, 0, {100})).has_value());
  ASSERT_TRUE(silent->Exchange(MakeHello()).has_value());
  CHIMERA_EXPECT_OK(server_->Drain());
  for (RawDrafterStream* const stream : {busy.get(), silent.get()}) {
    const absl::Status status = stream->Finish();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    ASSERT_TRUE(GetErrorDetail(status).has_value());
    EXPECT_EQ(GetErrorDetail(status)->reason(), v1::ERROR_REASON_DRAINING);
  }
}

TEST_F(DrafterServerTest, CanBeDestroyedWithStreamsOpen) {
  const auto stream = Open();
  ASSERT_TRUE(Draft(stream.get(), 1, MakeFirstUpdate(1, 1, 0, {100})).has_value());
  server_ = nullptr;
  EXPECT_FALSE(stream->Finish().ok());
}

TEST_F(DrafterServerTest, TheInProcessChannelServesToo) {
  RawDrafterStream stream(server_->InProcessChannel());
  EXPECT_TRUE(stream.Exchange(MakeHello()).has_value());
  EXPECT_EQ(Draft(&stream, 1, MakeFirstUpdate(1, 1, 0, {100}))->tree().token_ids(0), 101);
}

// Fails where a sequence's newest token is 13.
class FailingDraftModel : public FakeDraftModel {
 public:
  explicit FailingDraftModel(absl::Status status) : status_(std::move(status)) {}

  absl::StatusOr<std::vector<ProposedTree>> Draft(std::span<const DraftInput> inputs) override {
    for (const DraftInput& input : inputs) {
      if (!input.token_ids.empty() && input.token_ids.back() == 13) return status_;
    }
    return FakeDraftModel::Draft(inputs);
  }

 private:
  const absl::Status status_;
};

class FailingDrafterTest : public ::testing::Test {
 protected:
  void Start(absl::Status status) {
    absl::StatusOr<std::unique_ptr<DrafterServer>> server = DrafterServer::Start(
        DrafterConfig(), TestTarget(), std::make_unique<FailingDraftModel>(std::move(status)));
    CHIMERA_ASSERT_OK(server);
    server_ = *std::move(server);
  }

  std::unique_ptr<RawDrafterStream> Open() {
    auto stream = std::make_unique<RawDrafterStream>(server_->InProcessChannel());
    EXPECT_TRUE(stream->Exchange(MakeHello()).has_value());
    return stream;
  }

  std::unique_ptr<DrafterServer> server_;
};

TEST_F(FailingDrafterTest, AFailedStepEndsItsStreamAlone) {
  Start(absl::ResourceExhaustedError("no memory is left"));
  const auto good = Open();
  const auto bad = Open();
  ASSERT_TRUE(Draft(good.get(), 1, MakeFirstUpdate(1, 1, 0, {7})).has_value());
  EXPECT_FALSE(Draft(bad.get(), 1, MakeFirstUpdate(1, 1, 0, {13})).has_value());
  EXPECT_THAT(bad->Finish(), StatusIs(absl::StatusCode::kResourceExhausted,
                                      HasSubstr("drafting failed: no memory is left")));
  EXPECT_TRUE(Draft(good.get(), 2, MakeUpdate(1, 1, 1, {9})).has_value());
  EXPECT_TRUE(Draft(Open().get(), 1, MakeFirstUpdate(1, 1, 0, {7})).has_value());
}

TEST_F(FailingDrafterTest, ALostDeviceEndsAllStreamsForGood) {
  Start(absl::UnavailableError("the device is gone"));
  const auto idle = Open();
  const auto bad = Open();
  EXPECT_FALSE(Draft(bad.get(), 1, MakeFirstUpdate(1, 1, 0, {13})).has_value());
  RawDrafterStream late(server_->InProcessChannel());
  for (RawDrafterStream* const stream : {idle.get(), bad.get(), &late}) {
    EXPECT_THAT(stream->Finish(),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr("the device is gone")));
  }
  CHIMERA_EXPECT_OK(server_->Drain());
}

TEST(DrafterServerStartTest, FailsWhereItCannotListenOrTap) {
  const testing::TempDirectory directory;
  DrafterConfig config;
  config.server.listen_addresses = {UnixAddress(directory.path() + "/none/d.sock")};
  EXPECT_THAT(DrafterServer::Start(config, TestTarget(), std::make_unique<FakeDraftModel>()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/none")));
  config.server.listen_addresses = {UnixAddress(directory.path() + "/d.sock")};
  for (const std::vector<int32_t>& taps : {std::vector<int32_t>{4}, {-1}, {2, 2}}) {
    EXPECT_THAT(DrafterServer::Start(config, TestTarget(), std::make_unique<FakeDraftModel>(taps)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("[0, 3]")));
  }
}

}  // namespace
}  // namespace chimera
