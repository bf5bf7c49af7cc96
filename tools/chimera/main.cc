// chimera: the command-line client. Exit codes: 0 success, 1 failure, 2 wrong usage, 130
// interrupted.

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/chimera/bench/bench.h"
#include "tools/chimera/cancellation.h"
#include "tools/chimera/chat.h"
#include "tools/chimera/command_config.h"
#include "tools/chimera/flags.h"
#include "tools/chimera/generate.h"
#include "tools/chimera/inspect.h"
#include "tools/chimera/report.h"
#include "tools/chimera/signal_listener.h"
#include "tools/chimera/terminal.h"
#include "tools/chimera/usage.h"

namespace chimera {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
constexpr int kExitInterrupted = 130;

// Runs the command of its configuration's type.
struct CommandRunner {
  const Terminal& terminal;
  Cancellation* cancellation;

  absl::Status operator()(const HelpConfig& config) const {
    terminal.Print(config.text);
    return absl::OkStatus();
  }
  absl::Status operator()(const GenerateConfig& config) const {
    return RunGenerate(config, terminal, cancellation);
  }
  absl::Status operator()(const ChatConfig& config) const {
    return RunChat(config, terminal, cancellation);
  }
  absl::Status operator()(const InspectConfig& config) const {
    return RunInspect(config, terminal, cancellation);
  }
  absl::Status operator()(const BenchConfig& config) const {
    return RunBench(config, terminal, cancellation);
  }
};

int Main(const std::vector<std::string>& arguments) {
  // Output that nobody reads shall end a command in good order.
  std::signal(SIGPIPE, SIG_IGN);
  Cancellation cancellation;
  const SignalListener listener(&cancellation);
  const Terminal terminal({STDIN_FILENO, stdout, stderr}, &cancellation);
  const absl::StatusOr<CommandConfig> config = ParseCommand(arguments);
  if (!config.ok()) {
    const bool has_command = !arguments.empty() && FindCommand(arguments[0]) != nullptr;
    terminal.PrintError(absl::StrCat("chimera: ", config.status().message(), "\nTry \"chimera ",
                                     has_command ? absl::StrCat(arguments[0], " ") : "",
                                     "--help\".\n"));
    return kExitUsage;
  }
  const absl::Status status = std::visit(CommandRunner{terminal, &cancellation}, *config);
  if (status.ok()) return 0;
  if (listener.interrupted() && absl::IsCancelled(status)) return kExitInterrupted;
  terminal.PrintError(absl::StrCat("chimera: ", DescribeError(status), "\n"));
  return kExitFailure;
}

}  // namespace
}  // namespace chimera

int main(int argc, char** argv) { return chimera::Main({argv + 1, argv + argc}); }
