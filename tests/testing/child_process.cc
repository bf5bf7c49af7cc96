#include "tests/testing/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "common/base/check.h"

extern char** environ;

namespace chimera::testing {
namespace {

std::string ReadFile(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::string OutputPath(const TempDirectory& directory) { return directory.path() + "/output"; }
std::string ErrorPath(const TempDirectory& directory) { return directory.path() + "/errors"; }

}  // namespace

ChildProcess::ChildProcess(const std::string& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, OutputPath(directory_).c_str(), kFlags,
                                   0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, ErrorPath(directory_).c_str(), kFlags,
                                   0600);
  CHIMERA_CHECK(posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ) == 0)
      << "cannot run " << program;
  posix_spawn_file_actions_destroy(&actions);
}

ChildProcess::~ChildProcess() {
  if (pid_ == 0) return;
  Kill();
  Wait();
}

void ChildProcess::Signal(int number) const {
  if (pid_ != 0) kill(pid_, number);
}

void ChildProcess::Terminate() const { Signal(SIGTERM); }
void ChildProcess::Kill() const { Signal(SIGKILL); }
void ChildProcess::Pause() const { Signal(SIGSTOP); }
void ChildProcess::Resume() const { Signal(SIGCONT); }

int ChildProcess::Wait() {
  int status = 0;
  CHIMERA_CHECK(waitpid(pid_, &status, 0) == pid_) << "no such child";
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string ChildProcess::Output() const { return ReadFile(OutputPath(directory_)); }
std::string ChildProcess::Errors() const { return ReadFile(ErrorPath(directory_)); }

}  // namespace chimera::testing
