// A model of random weights on the device under test.

#ifndef CHIMERA_TOOLS_GPU_BENCH_BENCH_MODEL_H_
#define CHIMERA_TOOLS_GPU_BENCH_BENCH_MODEL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/backend/backend.h"
#include "common/model/llama_config.h"
#include "tools/gpu_bench/config.h"

namespace chimera {

// Pages of one sequence, and steps of it. Errors: those of Backend. One thread.
class BenchModel {
 public:
  // A CudaBackend with as many pages as `bench` asks for. Errors: RESOURCE_EXHAUSTED, saying what
  // there is and what it takes, if the model does not fit; INVALID_ARGUMENT, if its context is too
  // short; those of CudaBackend::Create, as FAILED_PRECONDITION for pinned numerics that the
  // library cannot keep.
  static absl::StatusOr<BenchModel> Create(const LlamaConfig& config, const GpuBenchConfig& bench);

  const LlamaConfig& config() const { return backend_->config(); }
  const std::string& numerics_id() const { return backend_->numerics_id(); }

  // Gives positions [0, context) keys and values.
  absl::Status FillContext(int context);

  // The first `count` tokens of a prompt in one step, whose last row is sampled.
  absl::StatusOr<const StepResult*> Prefill(int count);

  // A tree after `context` positions, greedily. The result is valid until the next step.
  absl::StatusOr<const StepResult*> Verify(const TokenTree& tree, int context);

  // Takes a path of the last tree into the pages.
  absl::Status Commit(std::span<const int> nodes, int context);

 private:
  BenchModel(std::unique_ptr<Backend> backend, std::vector<int32_t> pages,
             std::vector<int32_t> tokens);

  absl::StatusOr<const StepResult*> Run(const SequenceStep& step);

  std::unique_ptr<Backend> backend_;
  std::vector<int32_t> pages_;
  std::vector<int32_t> tokens_;  // of the prompt
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_BENCH_MODEL_H_
