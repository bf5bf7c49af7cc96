// The commands, the flags that each takes, and their help texts.

#ifndef CHIMERA_TOOLS_CHIMERA_USAGE_H_
#define CHIMERA_TOOLS_CHIMERA_USAGE_H_

#include <span>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace chimera {

// A command.
struct CommandUsage {
  std::string name;
  // One line for the list of commands.
  std::string summary;
  // What it does, for its own help.
  std::string description;
  // Names of the flags that it takes, with underscores, in the order of its help.
  std::vector<std::string> flags;
};

// All commands.
std::span<const CommandUsage> Commands();

// The command of that name, or null.
const CommandUsage* FindCommand(absl::string_view name);

// The help of the program.
std::string ProgramHelp();

// The help of a command.
std::string CommandHelp(const CommandUsage& command);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_USAGE_H_
