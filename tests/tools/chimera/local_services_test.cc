#include "tools/chimera/local_services.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cerrno>
#include <thread>

#include "common/rpc/channel.h"
#include "tests/testing/status_matchers.h"
#include "tests/tools/chimera/test_files.h"
#include "tools/chimera/generation_client.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

// A service that writes its process id to a file, so that a test can see whether it is gone.
std::string Service(const std::string& name, const std::string& commands) {
  return "echo $$ > \"$(dirname \"$0\")/" + name + ".pid\"\n" + commands;
}

class LocalServicesTest : public ::testing::Test {
 protected:
  LocalServicesTest() {
    config_.binary_directory = binaries_.path();
    config_.temporary_directory = temporary_.path();
    config_.model_path = binaries_.Write("model.gguf", "");
    config_.start_timeout = std::chrono::seconds(60);
    SetDrafter("exec sleep 1000");
    SetVerifier("exec " FAKE_VERIFIER " \"$@\"");
  }

  void SetDrafter(const std::string& commands) {
    binaries_.WriteScript("chimera-drafter", Service("drafter", commands));
  }
  void SetVerifier(const std::string& commands) {
    binaries_.WriteScript("chimera-verifier", Service("verifier", commands));
  }

  absl::StatusOr<std::unique_ptr<LocalServices>> Start() {
    return LocalServices::Start(config_, &cancellation_);
  }

  bool IsRunning(const std::string& name) const {
    const std::string pid = binaries_.Read(name + ".pid");
    return !pid.empty() && (kill(std::stoi(pid), 0) == 0 || errno != ESRCH);
  }

  void ExpectNothingLeft() const {
    EXPECT_TRUE(temporary_.IsEmpty());
    EXPECT_FALSE(IsRunning("verifier"));
    EXPECT_FALSE(IsRunning("drafter"));
  }

  testing::TestFiles binaries_;
  testing::TestFiles temporary_;
  LocalServicesConfig config_;
  Cancellation cancellation_;
};

TEST_F(LocalServicesTest, StartsServesAndLeavesNothing) {
  config_.threads = 2;
  {
    CHIMERA_ASSERT_OK_AND_ASSIGN(const auto services, Start());
    GenerationClient client(CreateChannel(services->address()), &cancellation_);
    CHIMERA_EXPECT_OK(client.GetModelInfo());
    EXPECT_TRUE(IsRunning("verifier"));
    EXPECT_TRUE(IsRunning("drafter"));
    EXPECT_FALSE(temporary_.IsEmpty());
  }
  ExpectNothingLeft();
}

TEST_F(LocalServicesTest, PassesArguments) {
  config_.threads = 2;
  SetVerifier("echo \"$@\"; exit 1");
  SetDrafter("echo \"$@\" > \"$(dirname \"$0\")/drafter.arguments\"; exec sleep 1000");
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kUnavailable,
                                HasSubstr("/verifier.sock --drafter unix:" + temporary_.path())));
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kUnavailable,
                                HasSubstr("--model " + config_.model_path + " --threads 2")));
  EXPECT_THAT(binaries_.Read("drafter.arguments"),
              AllOf(HasSubstr("--listen unix:" + temporary_.path()),
                    HasSubstr("/drafter.sock --model " + config_.model_path)));
}

TEST_F(LocalServicesTest, ShowsTheLogOfAServiceThatEnds) {
  SetDrafter("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $i >&2; done; exit 4");
  const absl::Status status = Start().status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable,
                               AllOf(HasSubstr("chimera-drafter exited with code 4"),
                                     HasSubstr("  line 3\n"), HasSubstr("  line 12"))));
  EXPECT_THAT(status.message(), ::testing::Not(HasSubstr("  line 2\n")));
  ExpectNothingLeft();
}

TEST_F(LocalServicesTest, NamesAServiceThatIsMissing) {
  std::filesystem::remove(binaries_.Path("chimera-verifier"));
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("/chimera-verifier: No")));
  ExpectNothingLeft();
}

TEST_F(LocalServicesTest, NamesAModelThatIsMissing) {
  config_.model_path = "/nowhere.gguf";
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kNotFound,
                                AllOf(HasSubstr("/nowhere.gguf"), HasSubstr("scripts/setup"))));
  ExpectNothingLeft();
}

TEST_F(LocalServicesTest, GivesUpOnAServiceThatNeverListens) {
  config_.start_timeout = std::chrono::milliseconds(300);
  SetVerifier("exec sleep 1000");
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("0.3 seconds")));
  ExpectNothingLeft();
}

TEST_F(LocalServicesTest, GivesUpOnADrafterThatIsNeverReady) {
  config_.start_timeout = std::chrono::milliseconds(1500);
  SetVerifier("FAKE_DRAFTER_STATE=connecting exec " FAKE_VERIFIER " \"$@\"");
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("not ready")));
  ExpectNothingLeft();
}

TEST_F(LocalServicesTest, SaysWhyTheDrafterIsRefused) {
  SetVerifier("FAKE_DRAFTER_STATE=refused exec " FAKE_VERIFIER " \"$@\"");
  EXPECT_THAT(Start(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("made for another model")));
  ExpectNothingLeft();
}

TEST_F(LocalServicesTest, KillsServicesThatDoNotStop) {
  config_.start_timeout = std::chrono::milliseconds(200);
  config_.stop_timeout = std::chrono::milliseconds(50);
  SetDrafter("trap '' TERM; exec sleep 1000");
  SetVerifier("trap '' TERM; exec sleep 1000");
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kDeadlineExceeded, ::testing::_));
  ExpectNothingLeft();
}

TEST_F(LocalServicesTest, CancellationEndsTheWait) {
  SetVerifier("exec sleep 1000");
  std::thread canceller([&] { cancellation_.Cancel(); });
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kCancelled, ::testing::_));
  canceller.join();
  ExpectNothingLeft();
}

TEST_F(LocalServicesTest, RefusesATemporaryFolderTooLongForSockets) {
  config_.temporary_directory = temporary_.Path(std::string(90, 'a'));
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("TMPDIR")));
}

}  // namespace
}  // namespace chimera
