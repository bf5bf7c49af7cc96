// The command line. Flags are defined and read in flags.cc only.

#ifndef CHIMERA_TOOLS_CHIMERA_GENERATE_FLAGS_H_
#define CHIMERA_TOOLS_CHIMERA_GENERATE_FLAGS_H_

#include "absl/status/statusor.h"
#include "tools/chimera_generate/config.h"

namespace chimera {

// INVALID_ARGUMENT, naming the flag and its limits, where one is missing or out of range. Ends the
// process as ParseCommandLine (common/rpc/service_flags.h) does.
absl::StatusOr<GenerateConfig> ParseGenerateFlags(int argc, char** argv);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_GENERATE_FLAGS_H_
