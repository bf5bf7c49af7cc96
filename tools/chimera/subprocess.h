// A child process with its output in a log file.

#ifndef CHIMERA_TOOLS_CHIMERA_SUBPROCESS_H_
#define CHIMERA_TOOLS_CHIMERA_SUBPROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace chimera {

// Owns a child process: it ends with the object, and also when the thread that started it ends,
// however that comes about. It is in a process group of its own, so that Ctrl-C at the terminal
// reaches the parent only, which then stops it. Movable. Not thread-safe.
class Subprocess {
 public:
  // Starts the program `argv[0]`, a path. Its standard input is empty, its output and errors are
  // appended to `log_path`. Returns NOT_FOUND where the program cannot be run.
  static absl::StatusOr<Subprocess> Start(const std::vector<std::string>& argv,
                                          const std::string& log_path);

  Subprocess(Subprocess&& other) noexcept;
  Subprocess& operator=(Subprocess&& other) noexcept = delete;
  // Ends the process at once, unless it was stopped before.
  ~Subprocess();

  // How the process ended, for people, such as "exited with code 1"; nothing while it runs.
  std::optional<std::string> PollExit();

  // Asks the process to end (SIGTERM). Returns at once.
  void Terminate();

  // Waits until the process has ended; kills it (SIGKILL) once `grace` is over.
  void Stop(std::chrono::milliseconds grace);

  pid_t pid() const { return pid_; }

 private:
  explicit Subprocess(pid_t pid) : pid_(pid) {}

  pid_t pid_;  // 0 in an object that was moved from.
  std::optional<int> wait_status_;
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_SUBPROCESS_H_
