// Requests as the commands make them.

#ifndef CHIMERA_TOOLS_CHIMERA_REQUEST_H_
#define CHIMERA_TOOLS_CHIMERA_REQUEST_H_

#include <cstddef>
#include <string>

#include "chimera/v1/generation_service.pb.h"
#include "tools/chimera/command_config.h"

namespace chimera {

// The longest prompt that the protocol allows.
inline constexpr size_t kMaxPromptBytes = size_t{4} << 20;

// A request without a prompt.
v1::GenerateRequest NewRequest(const RequestConfig& config, v1::SpeculationMode speculation);

// Adds a message to the request's conversation, which becomes its prompt.
void AddMessage(const std::string& role, const std::string& content, v1::GenerateRequest& request);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_REQUEST_H_
