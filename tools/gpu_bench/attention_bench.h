// Attention of one layer, without the launches around it.

#ifndef CHIMERA_TOOLS_GPU_BENCH_ATTENTION_BENCH_H_
#define CHIMERA_TOOLS_GPU_BENCH_ATTENTION_BENCH_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/model/llama_config.h"
#include "tools/gpu_bench/gemm_bench.h"
#include "tools/gpu_bench/time_spread.h"

namespace chimera {

// The rows of a binary tree after `context` positions.
struct AttentionTime {
  int context = 0;
  int rows = 0;
  int64_t kv_bytes = 0;  // that the rows read, each once for all of them
  TimeSpread seconds = {};
  std::string skipped = {};  // why there is no time
};

// With keys and values that the second-level cache does not hold. Any context, whatever the model
// was made for. Errors: common/cuda/runtime/device_error.h, but what does not fit is skipped.
absl::StatusOr<AttentionTime> MeasureAttention(const LlamaConfig& config, int context, int rows,
                                               const KernelBench& bench);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_ATTENTION_BENCH_H_
