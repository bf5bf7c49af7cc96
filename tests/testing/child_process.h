// A run of one of our binaries, with what it prints.

#ifndef CHIMERA_TESTS_TESTING_CHILD_PROCESS_H_
#define CHIMERA_TESTS_TESTING_CHILD_PROCESS_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/testing/temp_directory.h"

namespace chimera::testing {

// Runs `program` (a path) from construction on; killed if it is still running at the end. One
// thread.
class ChildProcess {
 public:
  ChildProcess(const std::string& program, std::vector<std::string> arguments);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Sends SIGTERM, or SIGKILL; does not wait.
  void Terminate() const;
  void Kill() const;

  // Makes it stand still, as a machine without memory or a debugger does, and go on. Do not wait.
  void Pause() const;
  void Resume() const;

  // REQUIRES: Wait was not called.
  pid_t pid() const { return pid_; }

  // Waits for its end; its exit code, or -1 if a signal ended it.
  int Wait();

  // What it has printed so far.
  std::string Output() const;
  std::string Errors() const;

 private:
  void Signal(int number) const;

  const TempDirectory directory_;
  pid_t pid_ = 0;  // 0 once it has ended
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_CHILD_PROCESS_H_
