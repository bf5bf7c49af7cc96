// chimera inspect: facts about the model and the server.

#ifndef CHIMERA_TOOLS_CHIMERA_INSPECT_H_
#define CHIMERA_TOOLS_CHIMERA_INSPECT_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "chimera/v1/generation_service.pb.h"
#include "tools/chimera/cancellation.h"
#include "tools/chimera/command_config.h"
#include "tools/chimera/terminal.h"

namespace chimera {

// {"model": {...}, "server": {..., "drafters": [...]}}, fields named as in the protocol.
nlohmann::ordered_json CollectFacts(const v1::GetModelInfoResponse& model,
                                    const v1::GetServerInfoResponse& server);

// The facts as a section per object, each fact on a line, values aligned.
std::string FormatFacts(const nlohmann::ordered_json& facts);

// Prints them.
absl::Status RunInspect(const InspectConfig& config, const Terminal& terminal,
                        Cancellation* cancellation);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_INSPECT_H_
