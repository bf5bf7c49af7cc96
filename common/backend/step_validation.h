// Checks that hold for steps on every backend.

#ifndef CHIMERA_COMMON_BACKEND_STEP_VALIDATION_H_
#define CHIMERA_COMMON_BACKEND_STEP_VALIDATION_H_

#include "absl/status/status.h"
#include "common/backend/backend.h"

namespace chimera {

// Returns INVALID_ARGUMENT, naming the sequence, the field and the limit, where `batch` contradicts
// itself, the model or the limits.
absl::Status ValidateStepBatch(const StepBatch& batch, const LlamaConfig& config,
                               const BackendLimits& limits);

// As above for the first `position_count` entries of a page table: enough of them, each a page of
// the pool.
absl::Status ValidatePageTable(std::span<const int32_t> pages, int64_t position_count,
                               const BackendLimits& limits);

// Returns INVALID_ARGUMENT, naming the limit, where one is not positive.
absl::Status ValidateBackendLimits(const BackendLimits& limits);

}  // namespace chimera

#endif  // CHIMERA_COMMON_BACKEND_STEP_VALIDATION_H_
