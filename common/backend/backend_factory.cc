#include "common/backend/backend_factory.h"

#include <sched.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/cpu/cpu_backend.h"

namespace chimera {

int UsableProcessors() {
  cpu_set_t processors;
  if (sched_getaffinity(0, sizeof(processors), &processors) != 0) return 1;
  return std::clamp(CPU_COUNT(&processors), 1, ThreadPool::kMaxThreads);
}

absl::StatusOr<std::unique_ptr<Backend>> CreateBackend(const LlamaModel& model,
                                                       const BackendOptions& options) {
  if (options.device != "cpu") {
    return absl::InvalidArgumentError(
        absl::StrCat("device \"", options.device, "\", must be \"cpu\""));
  }
  CHIMERA_ASSIGN_OR_RETURN(const CpuIsa isa, ChooseCpuIsaFromEnvironment());
  absl::StatusOr<std::unique_ptr<Backend>> backend =
      CpuBackend::Create(model.config(), model.weights(),
                         {.threads = options.threads, .limits = options.limits, .isa = isa});
  // Its repacked weights take the place of the file's; kept beside them they would double the size.
  model.ReleaseMemory();
  return backend;
}

}  // namespace chimera
