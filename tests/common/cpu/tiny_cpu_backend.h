// Backends of small models on the CPU.

#ifndef CHIMERA_TESTS_COMMON_CPU_TINY_CPU_BACKEND_H_
#define CHIMERA_TESTS_COMMON_CPU_TINY_CPU_BACKEND_H_

#include <memory>

#include "absl/status/statusor.h"
#include "common/backend/backend.h"
#include "common/base/check.h"
#include "common/base/thread_pool.h"
#include "common/cpu/cpu_backend.h"
#include "common/cpu/cpu_isa.h"
#include "common/model/llama_model.h"
#include "tests/common/backend/backend_kind.h"

namespace chimera::testing {

struct TinyCpuBackendOptions {
  CpuIsa isa = AvailableCpuIsas().back();
  int thread_count = 2;
  BackendLimits limits = kTinyLimits;
};

inline absl::StatusOr<std::unique_ptr<Backend>> CreateCpuBackend(
    const LlamaModel& model, const TinyCpuBackendOptions& options) {
  return CpuBackend::Create(model.config(), model.weights(),
                            {.threads = std::make_shared<ThreadPool>(options.thread_count),
                             .limits = options.limits,
                             .isa = options.isa});
}

inline std::unique_ptr<Backend> MakeCpuBackend(const LlamaModel& model,
                                               const TinyCpuBackendOptions& options) {
  absl::StatusOr<std::unique_ptr<Backend>> backend = CreateCpuBackend(model, options);
  CHIMERA_CHECK(backend.ok()) << backend.status();
  return *std::move(backend);
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CPU_TINY_CPU_BACKEND_H_
