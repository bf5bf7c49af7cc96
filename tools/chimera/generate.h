// chimera generate: the reply to one prompt.

#ifndef CHIMERA_TOOLS_CHIMERA_GENERATE_H_
#define CHIMERA_TOOLS_CHIMERA_GENERATE_H_

#include "absl/status/status.h"
#include "tools/chimera/cancellation.h"
#include "tools/chimera/command_config.h"
#include "tools/chimera/terminal.h"

namespace chimera {

// Prints the reply on the terminal's output as it comes and the figures on its errors.
absl::Status RunGenerate(const GenerateConfig& config, const Terminal& terminal,
                         Cancellation* cancellation);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_GENERATE_H_
