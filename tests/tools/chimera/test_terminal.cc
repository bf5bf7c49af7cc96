#include "tests/tools/chimera/test_terminal.h"

#include <unistd.h>

#include "common/base/check.h"

namespace chimera::testing {
namespace {

std::string ReadAll(std::FILE* file) {
  std::string content;
  char buffer[4096];
  off_t offset = 0;
  for (ssize_t count; (count = pread(fileno(file), buffer, sizeof(buffer), offset)) > 0;) {
    content.append(buffer, static_cast<size_t>(count));
    offset += count;
  }
  return content;
}

}  // namespace

TestTerminal::TestTerminal(const std::string& input, Cancellation* cancellation)
    : input_(std::tmpfile()), output_(std::tmpfile()), errors_(std::tmpfile()) {
  CHIMERA_CHECK(input_ != nullptr && output_ != nullptr && errors_ != nullptr);
  std::fwrite(input.data(), 1, input.size(), input_);
  std::rewind(input_);
  terminal_ =
      std::make_unique<Terminal>(TerminalStreams{fileno(input_), output_, errors_}, cancellation);
}

TestTerminal::~TestTerminal() {
  std::fclose(input_);
  std::fclose(output_);
  std::fclose(errors_);
}

std::string TestTerminal::output() const { return ReadAll(output_); }

std::string TestTerminal::errors() const { return ReadAll(errors_); }

}  // namespace chimera::testing
