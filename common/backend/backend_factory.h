// Makes backends by the name of their device, so that callers know of none.

#ifndef CHIMERA_COMMON_BACKEND_BACKEND_FACTORY_H_
#define CHIMERA_COMMON_BACKEND_BACKEND_FACTORY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/backend/backend.h"
#include "common/backend/numerics.h"
#include "common/base/thread_pool.h"
#include "common/model/llama_model.h"

namespace chimera {

// Processors that this process may use, in [1, ThreadPool::kMaxThreads].
int UsableProcessors();

struct BackendOptions {
  // "cpu", or "cuda:0", "cuda:1", ... in a build with CHIMERA_CUDA.
  std::string device = "cpu";
  Numerics numerics = Numerics::kStrict;  // on the CPU there is no other
  // They compute on the CPU, the caller of Backend::Wait among them, and convert weights for other
  // devices; not null.
  std::shared_ptr<ThreadPool> threads = std::make_shared<ThreadPool>(1);
  // page_count 0: as many as the device's memory allows, at most `most_pages`. On the CPU a quarter
  // of the memory is for pages.
  BackendLimits limits;
  int32_t most_pages = 0;
};

// Loads the model's weights onto the device; `model` is not used after the call. Errors:
// INVALID_ARGUMENT for an option out of range, an unknown device or a wrong value of the
// environment variable CHIMERA_CPU_ISA (common/cpu/cpu_isa.h); UNIMPLEMENTED for a model that the
// device cannot run, or a device that this build has not; RESOURCE_EXHAUSTED for a model that does
// not fit; FAILED_PRECONDITION where there is no such device, or it cannot keep Backend's promise
// with these numerics.
absl::StatusOr<std::unique_ptr<Backend>> CreateBackend(const LlamaModel& model,
                                                       const BackendOptions& options);

}  // namespace chimera

#endif  // CHIMERA_COMMON_BACKEND_BACKEND_FACTORY_H_
