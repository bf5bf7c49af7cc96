// The target model on the CPU.

#ifndef CHIMERA_COMMON_CPU_CPU_BACKEND_H_
#define CHIMERA_COMMON_CPU_CPU_BACKEND_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/backend/backend.h"
#include "common/backend/slot_trees.h"
#include "common/backend/staged_step.h"
#include "common/base/thread_pool.h"
#include "common/cpu/cpu_isa.h"
#include "common/cpu/kv_cache.h"
#include "common/cpu/llama_forward.h"
#include "common/cpu/packed_llama_weights.h"
#include "common/model/llama_config.h"
#include "common/model/llama_weights.h"

namespace chimera {

struct CpuBackendOptions {
  // They compute, the caller of Wait among them; not null.
  std::shared_ptr<ThreadPool> threads = std::make_shared<ThreadPool>(1);
  BackendLimits limits;
  // All give the same bits. REQUIRES: the machine supports it.
  CpuIsa isa = CpuIsa::kPortable;
};

// Submit only checks and lists the rows; Wait computes, on the calling thread and the pool's
// workers. Weights are repacked into memory of its own.
class CpuBackend final : public Backend {
 public:
  // `weights` must fit `config` and is not used after the call. Errors: INVALID_ARGUMENT for an
  // option out of range, UNIMPLEMENTED for a model whose head_dim is not a multiple of 16.
  static absl::StatusOr<std::unique_ptr<Backend>> Create(const LlamaConfig& config,
                                                         const LlamaWeights& weights,
                                                         const CpuBackendOptions& options);

  const LlamaConfig& config() const override { return config_; }
  const BackendLimits& limits() const override { return limits_; }
  const std::string& numerics_id() const override { return numerics_id_; }
  absl::Status Submit(const StepBatch& batch) override;
  absl::StatusOr<const StepResult*> Wait() override;
  absl::Status Commit(std::span<const CommitRequest> requests) override;
  std::vector<std::byte> CopyPage(int32_t page) const override;

 private:
  CpuBackend(const LlamaConfig& config, const LlamaWeights& weights,
             const CpuBackendOptions& options);

  const LlamaConfig config_;
  const BackendLimits limits_;
  const std::string numerics_id_;
  const std::shared_ptr<ThreadPool> threads_;
  const PackedLlamaWeights weights_;
  KvCache cache_;
  LlamaForward forward_;
  SlotTrees slot_trees_;
  StagedStep step_;
  StepResult result_;
  bool is_in_flight_ = false;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_CPU_BACKEND_H_
