// Faults on demand: tests of what the services do when a step of theirs fails.

#ifndef CHIMERA_COMMON_BASE_FAILPOINT_H_
#define CHIMERA_COMMON_BASE_FAILPOINT_H_

#include "absl/status/status.h"

namespace chimera {

// A place in the engine (the first four) or in the link to a drafter.
enum class FailpointSite {
  kAdmit,    // a request gets its slot and pages
  kPrefill,  // a step that reads prompts starts
  kForward,  // a step starts
  kCommit,   // accepted nodes are committed
  kSend,     // a message is sent
  kReceive,  // a message was received
  kClose,    // a sequence is closed
};

// What happens at an armed site.
enum class FailpointAction {
  kError,  // Failpoint returns INTERNAL
  kAbort,  // the process dies
};

#ifdef CHIMERA_FAILPOINTS

// Called where the process passes the site. Any thread.
absl::Status Failpoint(FailpointSite site);

// Arms a site for its `passes`th pass from now on; it acts once. A process may also be started with
// CHIMERA_FAILPOINT=SITE:ACTION:PASSES in its environment, as in commit:abort:3. REQUIRES: passes
// >= 1.
void ArmFailpoint(FailpointSite site, FailpointAction action, int passes);

// Whether a site that was armed has acted.
bool FailpointHasActed(FailpointSite site);

#else

// Compiled out of what is served (CHIMERA_FAILPOINTS in cmake/ChimeraOptions.cmake).
inline absl::Status Failpoint(FailpointSite) { return absl::OkStatus(); }

#endif

}  // namespace chimera

#endif  // CHIMERA_COMMON_BASE_FAILPOINT_H_
