// The reasons that clients get with the engine's errors.

#ifndef CHIMERA_VERIFIER_SERVICE_ERROR_REASONS_H_
#define CHIMERA_VERIFIER_SERVICE_ERROR_REASONS_H_

#include "absl/status/status.h"
#include "common/metrics/labels.h"
#include "common/rpc/status_conversion.h"

namespace chimera {

// Adds the ErrorReason and the field that the code of an error from the engine stands for, unless
// the status carries a reason already.
absl::Status WithReason(const absl::Status& status);

// Under which label a request that ended so before it was taken in is counted. REQUIRES: not OK.
RejectReason RejectReasonOf(const absl::Status& status);

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_SERVICE_ERROR_REASONS_H_
