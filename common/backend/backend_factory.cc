#include "common/backend/backend_factory.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/backend/cuda_backend_creation.h"
#include "common/backend/device_name.h"
#include "common/base/status_macros.h"
#include "common/cpu/cpu_backend.h"

namespace chimera {

int UsableProcessors() {
  cpu_set_t processors;
  if (sched_getaffinity(0, sizeof(processors), &processors) != 0) return 1;
  return std::clamp(CPU_COUNT(&processors), 1, ThreadPool::kMaxThreads);
}

namespace {

// Bytes of K and V of one page, all layers, two bytes an element.
int64_t PageBytes(const LlamaConfig& config) {
  return int64_t{config.layer_count} * 2 * kPagePositions * config.kv_size() * 2;
}

absl::StatusOr<int32_t> CpuPageCount(const LlamaConfig& config, const BackendOptions& options) {
  const int64_t memory = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  const int64_t most = memory / PageBytes(config);
  if (options.limits.page_count > most) {
    return absl::InvalidArgumentError(
        absl::StrCat("--kv_pages is ", options.limits.page_count, ", at most ", most,
                     " pages of this model fit into the machine's memory"));
  }
  if (options.limits.page_count > 0) return options.limits.page_count;
  return static_cast<int32_t>(std::clamp<int64_t>(most / 4, 1, std::max(options.most_pages, 1)));
}

absl::StatusOr<std::unique_ptr<Backend>> CreateCpuBackend(const LlamaModel& model,
                                                          const BackendOptions& options) {
  if (options.numerics != Numerics::kStrict) {
    return absl::InvalidArgumentError(
        absl::StrCat("numerics \"", NumericsName(options.numerics),
                     "\" on device \"cpu\", must be \"strict\": others are for CUDA devices"));
  }
  CpuBackendOptions cpu = {.threads = options.threads, .limits = options.limits};
  CHIMERA_ASSIGN_OR_RETURN(cpu.isa, ChooseCpuIsaFromEnvironment());
  CHIMERA_ASSIGN_OR_RETURN(cpu.limits.page_count, CpuPageCount(model.config(), options));
  return CpuBackend::Create(model.config(), model.weights(), cpu);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Backend>> CreateBackend(const LlamaModel& model,
                                                       const BackendOptions& options) {
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<int> cuda_device, CudaDeviceNumber(options.device));
  absl::StatusOr<std::unique_ptr<Backend>> backend =
      cuda_device.has_value() ? CreateCudaBackend(model, options, *cuda_device)
                              : CreateCpuBackend(model, options);
  // Its repacked weights take the place of the file's; kept beside them they would double the size.
  model.ReleaseMemory();
  return backend;
}

}  // namespace chimera
