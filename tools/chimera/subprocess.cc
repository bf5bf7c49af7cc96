#include "tools/chimera/subprocess.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace chimera {
namespace {

// What the child needs, made before the fork: between fork and exec only async-signal-safe calls
// are allowed.
struct ChildPlan {
  std::vector<char*> argv;
  int log_fd;
  int null_fd;
  int error_fd;  // Closed by a successful exec; carries errno of a failed one.
  pid_t parent;
};

[[noreturn]] void RunChild(const ChildPlan& plan) {
  // SIGKILL, because the parent is gone without a word and nobody is left to insist.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != plan.parent) _exit(1);
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  if (dup2(plan.null_fd, STDIN_FILENO) >= 0 && dup2(plan.log_fd, STDOUT_FILENO) >= 0 &&
      dup2(plan.log_fd, STDERR_FILENO) >= 0) {
    execv(plan.argv[0], plan.argv.data());
  }
  const int error = errno;
  // Nothing can be done about a failure here: the parent then sees the exit code.
  if (write(plan.error_fd, &error, sizeof(error)) < 0) _exit(126);
  _exit(127);
}

// Closes a file descriptor at the end of its scope.
class FdCloser {
 public:
  explicit FdCloser(int fd) : fd_(fd) {}
  ~FdCloser() { close(fd_); }
  FdCloser(const FdCloser&) = delete;
  FdCloser& operator=(const FdCloser&) = delete;

 private:
  const int fd_;
};

absl::Status SystemError(absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", strerror(errno)));
}

}  // namespace

absl::StatusOr<Subprocess> Subprocess::Start(const std::vector<std::string>& argv,
                                             const std::string& log_path) {
  CHIMERA_CHECK(!argv.empty());
  const int log_fd = open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_fd < 0) return SystemError(absl::StrCat("cannot write ", log_path));
  const FdCloser close_log(log_fd);
  const int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null_fd < 0) return SystemError("cannot open /dev/null");
  const FdCloser close_null(null_fd);
  int error_pipe[2];
  if (pipe2(error_pipe, O_CLOEXEC) != 0) return SystemError("cannot make a pipe");
  const FdCloser close_read_end(error_pipe[0]);

  ChildPlan plan{{}, log_fd, null_fd, error_pipe[1], getpid()};
  for (const std::string& argument : argv) plan.argv.push_back(const_cast<char*>(argument.c_str()));
  plan.argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) RunChild(plan);
  close(error_pipe[1]);
  if (pid < 0) return SystemError("cannot start a process");

  Subprocess process(pid);
  int error = 0;
  if (read(error_pipe[0], &error, sizeof(error)) == sizeof(error)) {
    return absl::NotFoundError(absl::StrCat("cannot run ", argv[0], ": ", strerror(error)));
  }
  return process;
}

Subprocess::Subprocess(Subprocess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), wait_status_(other.wait_status_) {}

Subprocess::~Subprocess() {
  if (pid_ != 0) Stop(std::chrono::milliseconds(0));
}

std::optional<std::string> Subprocess::PollExit() {
  if (!wait_status_.has_value()) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
    wait_status_ = status;
  }
  if (WIFSIGNALED(*wait_status_)) {
    return absl::StrCat("was killed by signal ", WTERMSIG(*wait_status_));
  }
  return absl::StrCat("exited with code ", WEXITSTATUS(*wait_status_));
}

void Subprocess::Terminate() {
  if (!PollExit().has_value()) kill(pid_, SIGTERM);
}

void Subprocess::Stop(std::chrono::milliseconds grace) {
  const auto deadline = std::chrono::steady_clock::now() + grace;
  while (!PollExit().has_value() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (PollExit().has_value()) return;
  kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  wait_status_ = status;
}

}  // namespace chimera
