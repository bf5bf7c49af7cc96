// A terminal whose input a test types and whose output it reads.

#ifndef CHIMERA_TESTS_TOOLS_CHIMERA_TEST_TERMINAL_H_
#define CHIMERA_TESTS_TOOLS_CHIMERA_TEST_TERMINAL_H_

#include <cstdio>
#include <memory>
#include <string>

#include "tools/chimera/terminal.h"

namespace chimera::testing {

// Files in place of the standard streams; nobody is at the terminal.
class TestTerminal {
 public:
  // `input` is all that is typed. `cancellation` must outlive the object.
  TestTerminal(const std::string& input, Cancellation* cancellation);
  ~TestTerminal();
  TestTerminal(const TestTerminal&) = delete;
  TestTerminal& operator=(const TestTerminal&) = delete;

  const Terminal& terminal() const { return *terminal_; }

  // What was printed so far.
  std::string output() const;
  std::string errors() const;

 private:
  std::FILE* const input_;
  std::FILE* const output_;
  std::FILE* const errors_;
  std::unique_ptr<Terminal> terminal_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TOOLS_CHIMERA_TEST_TERMINAL_H_
