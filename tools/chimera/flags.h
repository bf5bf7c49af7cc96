// The command line. Flags are defined and read in flags.cc only.

#ifndef CHIMERA_TOOLS_CHIMERA_FLAGS_H_
#define CHIMERA_TOOLS_CHIMERA_FLAGS_H_

#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "tools/chimera/command_config.h"

namespace chimera {

// Parses `arguments`, the command line after the program's name: a command and its flags, each as
// --flag=value, --flag value or, for switches, --flag. Words in a flag's name are joined by - or _.
//
// Reads the environment (CHIMERA_SERVER, TMPDIR and those of DefaultModelPath) where flags
// are absent, and sets the process's flags. INVALID_ARGUMENT, with a message for the user, where
// the command or a flag is unknown, a flag does not belong to the command, or a value is out of its
// range.
absl::StatusOr<CommandConfig> ParseCommand(std::span<const std::string> arguments);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_FLAGS_H_
