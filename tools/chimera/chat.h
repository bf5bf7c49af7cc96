// chimera chat: a conversation, a line at a time.

#ifndef CHIMERA_TOOLS_CHIMERA_CHAT_H_
#define CHIMERA_TOOLS_CHIMERA_CHAT_H_

#include "absl/status/status.h"
#include "tools/chimera/cancellation.h"
#include "tools/chimera/command_config.h"
#include "tools/chimera/terminal.h"

namespace chimera {

// Talks until /exit or the end of the input. A failed reply is reported and leaves the conversation
// as it was; where no person is at the terminal it ends the command.
absl::Status RunChat(const ChatConfig& config, const Terminal& terminal,
                     Cancellation* cancellation);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_CHAT_H_
