// Where a command reads and prints.

#ifndef CHIMERA_TOOLS_CHIMERA_TERMINAL_H_
#define CHIMERA_TOOLS_CHIMERA_TERMINAL_H_

#include <cstdio>

#include "absl/strings/string_view.h"
#include "tools/chimera/cancellation.h"

namespace chimera {

// Three open streams: the standard ones, or files in tests. Not owned, like the cancellation.
struct TerminalStreams {
  int input_fd;
  std::FILE* output;
  std::FILE* errors;
};

// Prints at once. Where a stream cannot be written, because its reader is gone or the disk is full,
// it cancels the command. REQUIRES: SIGPIPE is ignored. Thread-safe.
class Terminal {
 public:
  Terminal(const TerminalStreams& streams, Cancellation* cancellation);

  int input_fd() const { return streams_.input_fd; }

  // Whether a person is at the other end.
  bool InputIsInteractive() const;
  bool ErrorsAreInteractive() const;

  void Print(absl::string_view text) const;
  void PrintError(absl::string_view text) const;

 private:
  void Write(std::FILE* file, absl::string_view text) const;

  const TerminalStreams streams_;
  Cancellation* const cancellation_;
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_TERMINAL_H_
