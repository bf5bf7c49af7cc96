// The command line of chimera-drafter.

#ifndef CHIMERA_DRAFTER_FLAGS_H_
#define CHIMERA_DRAFTER_FLAGS_H_

#include "absl/status/statusor.h"
#include "drafter/drafter_config.h"

namespace chimera {

// Parses and checks the command line. INVALID_ARGUMENT names the flag and its limits.
absl::StatusOr<DrafterConfig> ParseDrafterFlags(int argc, char** argv);

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_FLAGS_H_
