// Makes backends by the name of their device, so that callers know of none.

#ifndef CHIMERA_COMMON_BACKEND_BACKEND_FACTORY_H_
#define CHIMERA_COMMON_BACKEND_BACKEND_FACTORY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/backend/backend.h"
#include "common/model/llama_model.h"

namespace chimera {

// Processors that this process may use, at least 1 and at most what the CPU backend can.
int UsableProcessors();

struct BackendOptions {
  std::string device = "cpu";  // the only one so far
  // Threads that compute on the CPU, the caller of Backend::Wait among them; 0: UsableProcessors().
  int thread_count = 0;
  BackendLimits limits;
};

// Loads the model's weights onto the device; `model` is not used after the call. Errors:
// INVALID_ARGUMENT for an option out of range, an unknown device or a wrong value of the
// environment variable CHIMERA_CPU_ISA (common/cpu/cpu_isa.h); UNIMPLEMENTED for a model that the
// device cannot run.
absl::StatusOr<std::unique_ptr<Backend>> CreateBackend(const LlamaModel& model,
                                                       const BackendOptions& options);

}  // namespace chimera

#endif  // CHIMERA_COMMON_BACKEND_BACKEND_FACTORY_H_
