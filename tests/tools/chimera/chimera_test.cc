// The program itself: exit codes, and what it leaves behind.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/testing/status_matchers.h"
#include "tests/tools/chimera/fake_server.h"
#include "tests/tools/chimera/test_files.h"
#include "tools/chimera/subprocess.h"

namespace chimera {
namespace {

using ::testing::HasSubstr;

constexpr std::chrono::seconds kLong{60};

class ChimeraTest : public ::testing::Test {
 protected:
  // Starts the program; its output goes to the file "log".
  Subprocess Start(std::vector<std::string> arguments, const std::string& binary = CHIMERA_BINARY) {
    arguments.insert(arguments.begin(), binary);
    absl::StatusOr<Subprocess> process = Subprocess::Start(arguments, files_.Path("log"));
    CHIMERA_EXPECT_OK(process);
    return *std::move(process);
  }

  // Runs it to its end and returns how it ended.
  std::string Run(const std::vector<std::string>& arguments) {
    Subprocess process = Start(arguments);
    process.Stop(kLong);
    return *process.PollExit();
  }

  testing::TestFiles files_;
  const Address socket_{.unix_path = files_.Path("s")};
  const std::string address_ = socket_.ToString();
};

TEST_F(ChimeraTest, WrongUsageExitsWithTwo) {
  EXPECT_EQ(Run({"generate", "--frobnicate"}), "exited with code 2");
  EXPECT_EQ(files_.Read("log"),
            "chimera: chimera generate has no flag --frobnicate\n"
            "Try \"chimera generate --help\".\n");
  EXPECT_EQ(Run({}), "exited with code 2");
  EXPECT_THAT(files_.Read("log"), HasSubstr("no command given\nTry \"chimera --help\"."));
}

TEST_F(ChimeraTest, HelpExitsWithZero) {
  EXPECT_EQ(Run({"--help"}), "exited with code 0");
  EXPECT_EQ(Run({"bench", "--help"}), "exited with code 0");
  EXPECT_THAT(files_.Read("log"), HasSubstr("--concurrency"));
}

TEST_F(ChimeraTest, FailuresExitWithOne) {
  EXPECT_EQ(Run({"inspect", "--server", address_}), "exited with code 1");
  EXPECT_THAT(files_.Read("log"), HasSubstr("chimera: UNAVAILABLE: "));
}

TEST_F(ChimeraTest, GeneratesOnAServer) {
  testing::FakeGenerationService service;
  const testing::FakeServer server(socket_, &service);
  EXPECT_EQ(Run({"generate", "--server", address_, "--prompt", "hi"}), "exited with code 0");
  EXPECT_THAT(files_.Read("log"), HasSubstr("You said hi\n3 tokens, stop, "));
}

TEST_F(ChimeraTest, AnInterruptEndsAReplyInGoodOrder) {
  testing::FakeGenerationService service;
  Mutex mutex;
  CondVar condition;
  bool started = false;
  service.SetScript([&](const testing::FakeCall& call) {
    {
      const MutexLock lock(&mutex);
      started = true;
      condition.NotifyAll();
    }
    while (call.SendChunk({1}, "a")) {
    }
    return grpc::Status::CANCELLED;
  });
  const testing::FakeServer server(socket_, &service);
  Subprocess process = Start({"generate", "--server", address_, "--prompt", "hi"});
  {
    const MutexLock lock(&mutex);
    while (!started) condition.Wait(&mutex);
  }
  kill(process.pid(), SIGINT);
  process.Stop(kLong);
  EXPECT_EQ(process.PollExit(), "exited with code 130");
}

// A copy of the program beside a stand-in for chimera-node.
class ChimeraLocalTest : public ChimeraTest {
 protected:
  ChimeraLocalTest() {
    binary_ = binaries_.Path("chimera");
    std::filesystem::copy_file(CHIMERA_BINARY, binary_);
    binaries_.WriteScript("chimera-node", "exec " FAKE_VERIFIER " \"$@\"");
    model_ = binaries_.Write("model.gguf", "");
    setenv("TMPDIR", temporary_.path().c_str(), /*overwrite=*/1);
  }
  ~ChimeraLocalTest() override { unsetenv("TMPDIR"); }

  testing::TestFiles binaries_;
  testing::TestFiles temporary_;
  std::string binary_;
  std::string model_;
};

TEST_F(ChimeraLocalTest, StartsItsOwnNode) {
  Subprocess process =
      Start({"generate", "--local", "--model", model_, "--prompt", "hi", "--ids"}, binary_);
  process.Stop(kLong);
  EXPECT_EQ(process.PollExit(), "exited with code 0");
  EXPECT_THAT(files_.Read("log"), HasSubstr("1 2 3\n"));
  EXPECT_TRUE(temporary_.IsEmpty());
}

TEST_F(ChimeraLocalTest, AnInterruptWhileTheNodeStartsLeavesNothing) {
  // The node interrupts its parent, so that the signal comes while chimera waits for it.
  binaries_.WriteScript("chimera-node", "kill -INT $PPID; exec sleep 1000");
  Subprocess process = Start({"chat", "--local", "--model", model_}, binary_);
  process.Stop(kLong);
  EXPECT_EQ(process.PollExit(), "exited with code 130");
  EXPECT_TRUE(temporary_.IsEmpty());
}

}  // namespace
}  // namespace chimera
