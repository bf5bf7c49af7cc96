// The target model on a CUDA device.

#ifndef CHIMERA_COMMON_CUDA_BACKEND_CUDA_BACKEND_H_
#define CHIMERA_COMMON_CUDA_BACKEND_CUDA_BACKEND_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/backend/backend.h"
#include "common/backend/numerics.h"
#include "common/backend/slot_trees.h"
#include "common/backend/staged_step.h"
#include "common/base/thread_pool.h"
#include "common/cuda/backend/cuda_llama_forward.h"
#include "common/cuda/backend/cuda_output_head.h"
#include "common/cuda/backend/device_kv_pool.h"
#include "common/cuda/backend/device_llama_weights.h"
#include "common/cuda/backend/linear_runner.h"
#include "common/cuda/kernels/commit_nodes.h"
#include "common/cuda/runtime/device.h"
#include "common/cuda/runtime/event.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "common/cuda/runtime/stream.h"
#include "common/model/llama_config.h"
#include "common/model/llama_weights.h"

namespace chimera {

struct CudaBackendOptions {
  int device = 0;  // of those that the process sees
  Numerics numerics = Numerics::kStrict;
  // They convert the weights; not null.
  std::shared_ptr<ThreadPool> threads = std::make_shared<ThreadPool>(1);
  // page_count 0: as many pages as fit into the memory that is left, at most `most_pages`.
  BackendLimits limits;
  int32_t most_pages = 0;
};

// Submit gives all work of a step to a stream, Wait waits for it; hidden states are copied while
// logits are computed. Weights are kept in bf16, in memory of its own. With pinned numerics the
// numerics id ends in a hash of the library's version and its algorithms, which are logged.
//
// Errors of all calls, besides those of Backend: those of common/cuda/runtime/device_error.h. After
// one of a lost device (IsDeviceLost) every call fails. After another the step did not happen, and
// the next may succeed.
class CudaBackend final : public Backend {
 public:
  // `weights` must fit `config` and is not used after the call. Errors: INVALID_ARGUMENT for an
  // option out of range; UNIMPLEMENTED for a model that the kernels cannot run; RESOURCE_EXHAUSTED
  // for one that does not fit, naming what does not and its size; FAILED_PRECONDITION, with pinned
  // numerics, if the library's rows depend on the batch.
  static absl::StatusOr<std::unique_ptr<Backend>> Create(const LlamaConfig& config,
                                                         const LlamaWeights& weights,
                                                         const CudaBackendOptions& options);

  const LlamaConfig& config() const override { return config_; }
  const BackendLimits& limits() const override { return limits_; }
  const std::string& numerics_id() const override { return numerics_id_; }
  absl::Status Submit(const StepBatch& batch) override;
  absl::StatusOr<const StepResult*> Wait() override;
  absl::Status Commit(std::span<const CommitRequest> requests) override;
  std::vector<std::byte> CopyPage(int32_t page) const override;

 private:
  CudaBackend(const LlamaConfig& config, const CudaBackendOptions& options,
              cuda::Event hidden_ready, cuda::Stream stream, cuda::Stream copy_stream);

  absl::Status Load(const LlamaWeights& weights, const CudaBackendOptions& options);
  // Makes what steps need but the pool.
  absl::Status MakeSteps(const CudaBackendOptions& options, const cuda::DeviceInfo& device);
  absl::Status MakePool();
  // Sets page_count to what the memory that is left holds.
  absl::Status SizePool(int32_t most_pages);

  // Gives the step to the streams.
  absl::Status Run();
  absl::Status CopyHiddenStates();
  // Waits for all that was given to the streams.
  absl::Status Synchronize();
  void TakeHiddenStates();

  const LlamaConfig config_;
  const int device_;
  BackendLimits limits_;
  std::string numerics_id_;
  DeviceLlamaWeights weights_;
  std::unique_ptr<LinearRunner> linears_;  // set by Load, as the next three
  std::optional<DeviceKvPool> pool_;
  std::optional<CudaLlamaForward> forward_;
  std::optional<CudaOutputHead> output_head_;
  cuda::PinnedBuffer<KvMove> host_moves_;
  cuda::DeviceBuffer<KvMove> moves_;
  cuda::PinnedBuffer<uint16_t> host_hidden_;  // [rows, tapped layers, hidden_size], grows

  // What is given to them uses all above.
  cuda::Event hidden_ready_;
  mutable cuda::Stream stream_;
  cuda::Stream copy_stream_;  // of hidden states

  SlotTrees slot_trees_;
  StagedStep step_;
  StepResult result_;
  bool is_in_flight_ = false;
  // Host memory may still be in use by what was given to the streams: by a step, which after an
  // error is not in flight any more, and by a commit.
  bool is_step_pending_ = false;
  bool is_commit_pending_ = false;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_BACKEND_CUDA_BACKEND_H_
