#include "tools/chimera/subprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "tests/testing/status_matchers.h"
#include "tests/tools/chimera/test_files.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::chrono::seconds kPatience{60};

bool IsGone(pid_t pid) { return kill(pid, 0) != 0 && errno == ESRCH; }

class SubprocessTest : public ::testing::Test {
 protected:
  absl::StatusOr<Subprocess> Start(const std::string& script) {
    return Subprocess::Start({files_.WriteScript("program", script), "argument"},
                             files_.Path("log"));
  }

  testing::TestFiles files_;
};

TEST_F(SubprocessTest, RunsAndLogsBothStreams) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(Subprocess process, Start("cat; echo \"$1\"; echo e >&2; exit 3"));
  process.Stop(kPatience);
  EXPECT_EQ(process.PollExit(), "exited with code 3");
  EXPECT_EQ(files_.Read("log"), "argument\ne\n");
}

TEST_F(SubprocessTest, NamesTheProgramThatCannotRun) {
  EXPECT_THAT(Subprocess::Start({"/nowhere/program"}, files_.Path("log")),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("/nowhere/program"), HasSubstr("No such file"))));
  EXPECT_THAT(Subprocess::Start({"/bin/true"}, "/nowhere/log"),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("/nowhere/log")));
}

TEST_F(SubprocessTest, TerminateAsks) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(Subprocess process, Start("exec sleep 1000"));
  EXPECT_EQ(process.PollExit(), std::nullopt);
  process.Terminate();
  process.Stop(kPatience);
  EXPECT_EQ(process.PollExit(), "was killed by signal 15");
}

TEST_F(SubprocessTest, StopKillsWhatDoesNotListen) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(Subprocess process, Start("trap '' TERM; exec sleep 1000"));
  process.Stop(std::chrono::milliseconds(10));
  EXPECT_EQ(process.PollExit(), "was killed by signal 9");
}

TEST_F(SubprocessTest, TheDestructorLeavesNothing) {
  pid_t pid = 0;
  {
    CHIMERA_ASSERT_OK_AND_ASSIGN(const Subprocess process, Start("exec sleep 1000"));
    pid = process.pid();
    EXPECT_FALSE(IsGone(pid));
  }
  EXPECT_TRUE(IsGone(pid));
}

TEST_F(SubprocessTest, DiesWithItsParent) {
  // The grandchild holds the write end of the pipe, so that the pipe ends when it does.
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  const std::string script = files_.WriteScript("program", "exec sleep 1000");
  const pid_t parent = fork();
  if (parent == 0) {
    const auto process = Subprocess::Start({script}, files_.Path("log"));
    _exit(process.ok() ? 0 : 1);  // Without destructors, as if killed.
  }
  close(fds[1]);
  int status = 0;
  ASSERT_EQ(waitpid(parent, &status, 0), parent);
  EXPECT_EQ(status, 0);
  char byte;
  EXPECT_EQ(read(fds[0], &byte, 1), 0);
  close(fds[0]);
}

}  // namespace
}  // namespace chimera
