#include "tools/chimera/terminal.h"

#include <unistd.h>

namespace chimera {

Terminal::Terminal(const TerminalStreams& streams, Cancellation* cancellation)
    : streams_(streams), cancellation_(cancellation) {}

bool Terminal::InputIsInteractive() const { return isatty(streams_.input_fd) != 0; }

bool Terminal::ErrorsAreInteractive() const { return isatty(fileno(streams_.errors)) != 0; }

void Terminal::Print(absl::string_view text) const { Write(streams_.output, text); }

void Terminal::PrintError(absl::string_view text) const { Write(streams_.errors, text); }

void Terminal::Write(std::FILE* file, absl::string_view text) const {
  const size_t written = std::fwrite(text.data(), 1, text.size(), file);
  if (written != text.size() || std::fflush(file) != 0) cancellation_->Cancel();
}

}  // namespace chimera
