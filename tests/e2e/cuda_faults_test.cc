// What a CUDA device that fails costs a service: the requests of a step, or all and its health.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/cuda/runtime/emulated_device.h"
#include "common/rpc/channel.h"
#include "tests/e2e/cuda_fixture.h"
#include "tests/testing/eventually.h"
#include "tests/testing/generic_call.h"
#include "tests/testing/sanitizers.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

using cuda::EmulatedFault;
using ::testing::HasSubstr;

const std::vector<int32_t> kPrompt = {5, 90, 17, 44, 5, 90, 17, 44, 5, 90, 17};
constexpr int32_t kMaxTokens = 4;

class CudaFaultsTest : public CudaFixture {
 protected:
  void SetUp() override {
    computer_.emplace();
    CudaFixture::SetUp();
    StartDrafter(nullptr);
  }

  void TearDown() override {
    verifier_.reset();
    computer_.reset();  // which checks that nothing is left
  }

  void Start() {
    StartCudaVerifier(MakeCudaConfig(Drafters::kOne));
    ASSERT_TRUE(DrafterIsReady());
  }

  ClientReply Ask() { return Generate(MakeRequest(kPrompt, kMaxTokens)); }

  Health HealthOf(const std::string& name) {
    return CheckHealth(CreateChannel(verifier_->addresses().front()), name);
  }

  // Every name's health. The reply of what failed may come before.
  bool AllHealthIs(Health health) {
    return Eventually([&] {
      for (const char* name : {"", "readiness", "liveness"}) {
        if (HealthOf(name) != health) return false;
      }
      return HealthOf(v1::GenerationService::service_full_name()) == health;
    });
  }

  void ExpectBroken() {
    EXPECT_TRUE(AllHealthIs(Health::kNotServing));
    const ClientReply refused = Ask();
    EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_THAT(refused.status.error_message(), HasSubstr("CUDA device lost"));
    EXPECT_EQ(ServerInfo().running_requests(), 0);
    EXPECT_EQ(ServerInfo().waiting_requests(), 0);
  }

  std::optional<cuda::ScopedEmulatedComputer> computer_;
};

// Each call of a request fails once, in one way, and some in another. The request ends with an
// error, and the next has its reply.
TEST_F(CudaFaultsTest, TheServiceOutlivesEveryCallThatFails) {
  Start();
  const ClientReply expected = Ask();
  ASSERT_TRUE(expected.status.ok()) << expected.status.error_message();
  for (const EmulatedFault fault : {EmulatedFault::kRefused, EmulatedFault::kOutOfMemory}) {
    const int stride = kSanitized ? 9 : fault == EmulatedFault::kRefused ? 1 : 4;
    int number = 1;
    for (;; number += stride) {
      computer_->FailCall(number, fault);
      const ClientReply failed = Ask();
      if (!computer_->FaultsHaveHappened()) {
        EXPECT_EQ(Answer(failed), Answer(expected));
        break;
      }
      EXPECT_EQ(failed.status.error_code(), grpc::StatusCode::INTERNAL) << number;
      EXPECT_THAT(failed.status.error_message(), HasSubstr("the backend failed: "));
      ASSERT_EQ(Answer(Ask()), Answer(expected)) << "after call " << number;
    }
    EXPECT_GT(number, 30);
    // Ends what waits for a call that does not come.
    while (!computer_->FaultsHaveHappened()) Ask();
    EXPECT_TRUE(AllHealthIs(Health::kServing));
    // A reply ends before its pages are free.
    EXPECT_TRUE(Eventually([&] {
      const v1::GetServerInfoResponse info = ServerInfo();
      return info.free_kv_page_count() == info.kv_page_count();
    }));
  }
}

// Among others that are decoded, interrupted and waiting.
TEST_F(CudaFaultsTest, OthersGoOnWhenAStepFails) {
  VerifierConfig config = MakeCudaConfig(Drafters::kOne);
  config.engine.step_groups = 2;
  StartCudaVerifier(config);
  ASSERT_TRUE(DrafterIsReady());
  const ClientReply expected = Ask();
  for (const int number : {1, 12, 25, 40}) {
    computer_->FailCall(number, EmulatedFault::kRefused);
    const std::vector<v1::GenerateRequest> requests(6, MakeRequest(kPrompt, kMaxTokens));
    int failures = 0;
    for (const ClientReply& reply : GenerateAll(requests, 6)) {
      if (reply.status.ok()) {
        EXPECT_EQ(Answer(reply), Answer(expected));
      } else {
        ++failures;
        EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::INTERNAL);
      }
    }
    EXPECT_TRUE(computer_->FaultsHaveHappened()) << number;
    EXPECT_GE(failures, 1);
    EXPECT_LE(failures, kMaxRunningOnCuda);
  }
}

// One that fails whatever it is given is as good as lost.
TEST_F(CudaFaultsTest, StepsThatOnlyFailTurnHealthBad) {
  Start();
  ASSERT_TRUE(Ask().status.ok());
  for (int step = 1; step <= 16; ++step) {
    EXPECT_TRUE(AllHealthIs(Health::kServing));
    computer_->FailCall(1, EmulatedFault::kRefused);
    const grpc::StatusCode code =
        step < 16 ? grpc::StatusCode::INTERNAL : grpc::StatusCode::UNAVAILABLE;
    EXPECT_EQ(Ask().status.error_code(), code) << step;
  }
  EXPECT_TRUE(AllHealthIs(Health::kNotServing));
  EXPECT_EQ(Ask().status.error_code(), grpc::StatusCode::UNAVAILABLE);
}

// A device is lost in Submit, in Wait or in Commit. Whoever runs or waits learns it.
TEST_F(CudaFaultsTest, ALostDeviceEndsAllAndTurnsHealthBad) {
  const std::vector<std::function<void()>> faults = {
      [&] { computer_->FailCall(1, EmulatedFault::kDeviceLost); },
      [&] { computer_->FailCall(20, EmulatedFault::kDeviceLost); },
      [&] { computer_->FailCall(100, EmulatedFault::kDeviceLost); },
      [&] { computer_->FailOperation(3); },
      [&] { computer_->FailOperation(60); },
  };
  for (const auto& fail : faults) {
    Start();
    EXPECT_TRUE(AllHealthIs(Health::kServing));
    fail();
    const std::vector<v1::GenerateRequest> requests(6, MakeRequest(kPrompt, 60));
    for (const ClientReply& reply : GenerateAll(requests, 6)) {
      EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::UNAVAILABLE);
      EXPECT_THAT(reply.status.error_message(), HasSubstr("CUDA device lost"));
    }
    EXPECT_TRUE(computer_->FaultsHaveHappened());
    ExpectBroken();
    // It can still be told to end.
    EXPECT_TRUE(verifier_->Drain().ok());
    verifier_.reset();
    computer_.reset();
    computer_.emplace();
  }
}

// Every call and every operation of a request loses the device, each in a service of its own.
TEST_F(CudaFaultsTest, EveryCallMayLoseTheDevice) {
  const int stride = kSanitized ? 29 : 7;
  for (const bool in_call : {true, false}) {
    bool has_happened = true;
    for (int number = 1; has_happened; number += stride) {
      SCOPED_TRACE(number);
      Start();
      if (in_call) {
        computer_->FailCall(number, EmulatedFault::kDeviceLost);
      } else {
        computer_->FailOperation(number);
      }
      const ClientReply reply = Ask();
      has_happened = computer_->FaultsHaveHappened();
      if (has_happened) {
        // The very last work of a reply is not waited for.
        if (!reply.status.ok()) {
          EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::UNAVAILABLE);
        }
        ExpectBroken();
      } else {
        EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
      }
      verifier_.reset();
      computer_.reset();
      computer_.emplace();
    }
  }
}

TEST_F(CudaFaultsTest, AStepThatFailsAtStartUpIsAnErrorOfStart) {
  VerifierConfig config = MakeCudaConfig(Drafters::kNone);
  config.engine.planning = NodePlanning::kByStepTime;  // makes steps at start-up
  CHIMERA_ASSERT_OK_AND_ASSIGN(LoadedModel loaded, LoadOnCuda(config));
  computer_->FailCall(9, EmulatedFault::kRefused);
  EXPECT_THAT(VerifierServer::Start(config, std::move(loaded)),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("asked for")));
}

// Tests of pinned numerics are then skipped.
TEST_F(CudaFaultsTest, ALibraryWhoseRowsDependOnTheBatchIsAnErrorOfLoad) {
  drafter_.reset();
  computer_.reset();
  computer_.emplace(cuda::EmulatedComputer{.blas_fault = cuda::EmulatedBlasFault::kPlace});
  VerifierConfig config = MakeCudaConfig(Drafters::kNone);
  config.numerics = Numerics::kPinned;
  EXPECT_THAT(LoadOnCuda(config), StatusIs(absl::StatusCode::kFailedPrecondition,
                                           HasSubstr("rows depend on the batch")));
}

}  // namespace
}  // namespace chimera::testing
