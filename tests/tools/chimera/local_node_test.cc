#include "tools/chimera/local_node.h"

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

class LocalNodeTest : public ::testing::Test {
 protected:
  LocalNodeTest() {
    config_.binary_directory = binaries_.path();
    config_.temporary_directory = temporary_.path();
    config_.model_path = binaries_.Write("model.gguf", "");
    config_.start_timeout = std::chrono::seconds(60);
    SetNode("exec " FAKE_VERIFIER " \"$@\"");
  }

  // The node also writes its process id to a file, so that a test can see whether it is gone.
  void SetNode(const std::string& commands) {
    binaries_.WriteScript("chimera-node", "echo $$ > \"$(dirname \"$0\")/pid\"\n" + commands);
  }

  absl::StatusOr<std::unique_ptr<LocalNode>> Start() {
    return LocalNode::Start(config_, &cancellation_);
  }

  bool IsRunning() const {
    const std::string pid = binaries_.Read("pid");
    return !pid.empty() && (kill(std::stoi(pid), 0) == 0 || errno != ESRCH);
  }

  void ExpectNothingLeft() const {
    EXPECT_TRUE(temporary_.IsEmpty());
    EXPECT_FALSE(IsRunning());
  }

  testing::TestFiles binaries_;
  testing::TestFiles temporary_;
  LocalNodeConfig config_;
  Cancellation cancellation_;
};

TEST_F(LocalNodeTest, StartsServesAndLeavesNothing) {
  config_.threads = 2;
  {
    CHIMERA_ASSERT_OK_AND_ASSIGN(const auto node, Start());
    GenerationClient client(CreateChannel(node->address()), &cancellation_);
    CHIMERA_EXPECT_OK(client.GetModelInfo());
    EXPECT_TRUE(IsRunning());
    EXPECT_FALSE(temporary_.IsEmpty());
  }
  ExpectNothingLeft();
}

TEST_F(LocalNodeTest, PassesArguments) {
  config_.threads = 2;
  SetNode("echo \"$@\"; exit 1");
  EXPECT_THAT(
      Start(),
      StatusIs(absl::StatusCode::kUnavailable,
               AllOf(HasSubstr("  --metrics_listen= --listen unix:"),
                     HasSubstr("/node.sock --model " + config_.model_path + " --threads 2"))));
}

TEST_F(LocalNodeTest, PassesDraftModelAndMetrics) {
  config_.draft_model = "d.safetensors";
  config_.metrics_listen = "127.0.0.1:0";
  SetNode("echo \"$@\"; exit 1");
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kUnavailable,
                                AllOf(HasSubstr("  --metrics_listen=127.0.0.1:0 --listen unix:"),
                                      HasSubstr(" --draft_model d.safetensors"))));
}

TEST_F(LocalNodeTest, KnowsWhereMetricsAreServed) {
  config_.metrics_listen = "127.0.0.1:0";
  SetNode("echo '[info] serving metrics address=127.0.0.1:9' >&2; exec " FAKE_VERIFIER " \"$@\"");
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto node, Start());
  EXPECT_EQ(node->metrics_address(), "127.0.0.1:9");

  config_.start_timeout = std::chrono::milliseconds(1500);
  SetNode("exec " FAKE_VERIFIER " \"$@\"");
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("not ready")));
}

TEST_F(LocalNodeTest, ShowsTheLogOfANodeThatEnds) {
  SetNode("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $i >&2; done; exit 4");
  const absl::Status status = Start().status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable,
                               AllOf(HasSubstr("chimera-node exited with code 4"),
                                     HasSubstr("  line 3\n"), HasSubstr("  line 12"))));
  EXPECT_THAT(status.message(), ::testing::Not(HasSubstr("  line 2\n")));
  ExpectNothingLeft();
}

TEST_F(LocalNodeTest, NamesAProgramThatIsMissing) {
  std::filesystem::remove(binaries_.Path("chimera-node"));
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("/chimera-node: No")));
  ExpectNothingLeft();
}

TEST_F(LocalNodeTest, NamesAModelThatIsMissing) {
  config_.model_path = "/nowhere.gguf";
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kNotFound,
                                AllOf(HasSubstr("/nowhere.gguf"), HasSubstr("scripts/setup"))));
  ExpectNothingLeft();
}

TEST_F(LocalNodeTest, GivesUpOnANodeThatNeverListens) {
  config_.start_timeout = std::chrono::milliseconds(300);
  SetNode("exec sleep 1000");
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("0.3 seconds")));
  ExpectNothingLeft();
}

TEST_F(LocalNodeTest, GivesUpOnADrafterThatIsNeverReady) {
  config_.start_timeout = std::chrono::milliseconds(1500);
  SetNode("FAKE_DRAFTER_STATE=connecting exec " FAKE_VERIFIER " \"$@\"");
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("not ready")));
  ExpectNothingLeft();
}

TEST_F(LocalNodeTest, SaysWhyTheDrafterIsRefused) {
  SetNode("FAKE_DRAFTER_STATE=refused exec " FAKE_VERIFIER " \"$@\"");
  EXPECT_THAT(Start(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("made for another model")));
  ExpectNothingLeft();
}

TEST_F(LocalNodeTest, AsksTheNodeToEnd) {
  config_.start_timeout = std::chrono::milliseconds(200);
  SetNode("trap 'echo asked > \"$0.asked\"; exit' TERM; while :; do sleep 0.01; done");
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kDeadlineExceeded, ::testing::_));
  EXPECT_EQ(binaries_.Read("chimera-node.asked"), "asked\n");
  ExpectNothingLeft();
}

TEST_F(LocalNodeTest, KillsANodeThatDoesNotStop) {
  config_.start_timeout = std::chrono::milliseconds(200);
  config_.stop_timeout = std::chrono::milliseconds(50);
  SetNode("trap '' TERM; exec sleep 1000");
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kDeadlineExceeded, ::testing::_));
  ExpectNothingLeft();
}

TEST_F(LocalNodeTest, CancellationEndsTheWait) {
  SetNode("exec sleep 1000");
  std::thread canceller([&] { cancellation_.Cancel(); });
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kCancelled, ::testing::_));
  canceller.join();
  ExpectNothingLeft();
}

TEST_F(LocalNodeTest, RefusesATemporaryFolderTooLongForSockets) {
  config_.temporary_directory = temporary_.Path(std::string(90, 'a'));
  EXPECT_THAT(Start(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("TMPDIR")));
}

}  // namespace
}  // namespace chimera
