// The command line of chimera-verifier, and of chimera-node, which takes the same flags.

#ifndef CHIMERA_VERIFIER_FLAGS_H_
#define CHIMERA_VERIFIER_FLAGS_H_

#include "absl/status/statusor.h"
#include "verifier/verifier_config.h"

namespace chimera {

// Parses and checks the command line; `usage` is what --help says first. INVALID_ARGUMENT names the
// flag and its limits.
absl::StatusOr<VerifierConfig> ParseVerifierFlags(const char* usage, int argc, char** argv);

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_FLAGS_H_
