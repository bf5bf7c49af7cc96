#include "tools/chimera/usage.h"

#include <algorithm>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "common/base/check.h"

namespace chimera {
namespace {

constexpr char kBenchDescription[] =
    R"(Runs prompts in every mode, in blocks that alternate (off, auto, auto, off, ...) so that a
noisy machine hits the modes alike, and prints one JSON line per mode. All modes of a
prompt share one seed: --seed, or else the one the server drew for the first of them.

With --local, --draft-model may name several, with commas between them: auto is measured
with each.

ratio_to_first_mode compares tokens/s with the first mode's, block by block: the median,
and from 6 blocks on an interval of order statistics that holds it with 95 % at least.
step splits the time from one step to the next, where the metrics are known.

A line of --prompts is a JSON object with "prompt", one user message, or "turns", a list
whose first message is used. Tokens per step are also given for each "category".)";

std::vector<std::string> Concat(std::initializer_list<std::vector<std::string>> lists) {
  std::vector<std::string> all;
  for (const std::vector<std::string>& list : lists) {
    all.insert(all.end(), list.begin(), list.end());
  }
  return all;
}

std::vector<CommandUsage> MakeCommands() {
  const std::vector<std::string> server = {"server", "local", "model", "draft_model", "threads"};
  const std::vector<std::string> request = {"max_tokens", "temperature", "top_p", "top_k",
                                            "min_p",      "seed",        "stop"};
  return {
      {"generate", "Streams the reply to one prompt.",
       "Streams the reply to one prompt, then prints the figures of the request on standard error.",
       Concat({{"prompt", "system", "raw", "text", "ids", "speculation"}, request, server})},
      {"chat", "Talks with the model.",
       "Talks with the model, a line at a time. /reset forgets the conversation, /exit ends it.",
       Concat({{"system", "speculation"}, request, server})},
      {"inspect",
       "Describes the model and the server.",
       "Describes the model, the server and its drafters.",
       {"json", "server"}},
      {"bench", "Measures modes of speculation against each other and compares their replies.",
       kBenchDescription,
       Concat({{"prompts", "modes", "concurrency", "limit", "rounds", "block_size", "output",
                "markdown", "metrics"},
               request,
               server})},
  };
}

}  // namespace

std::span<const CommandUsage> Commands() {
  static const std::vector<CommandUsage>* const commands =
      new std::vector<CommandUsage>(MakeCommands());
  return *commands;
}

const CommandUsage* FindCommand(absl::string_view name) {
  const auto commands = Commands();
  const auto found = std::find_if(commands.begin(), commands.end(),
                                  [&](const CommandUsage& usage) { return usage.name == name; });
  return found == commands.end() ? nullptr : &*found;
}

std::string ProgramHelp() {
  std::string help = "chimera: a client of chimera-verifier\n\nusage: chimera COMMAND [flags]\n\n";
  for (const CommandUsage& command : Commands()) {
    absl::StrAppendFormat(&help, "  %-10s%s\n", command.name, command.summary);
  }
  return absl::StrCat(help, "\nchimera COMMAND --help describes a command.\n");
}

std::string CommandHelp(const CommandUsage& command) {
  std::string help =
      absl::StrCat("usage: chimera ", command.name, " [flags]\n\n", command.description, "\n\n");
  for (const std::string& name : command.flags) {
    const absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
    CHIMERA_CHECK(flag != nullptr) << "no flag is called " << name;
    absl::StrAppendFormat(&help, "  --%-13s%s\n", absl::StrReplaceAll(name, {{"_", "-"}}),
                          flag->Help());
  }
  return help;
}

}  // namespace chimera
