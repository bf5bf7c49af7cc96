// The attention of a step, in all layers.

#ifndef CHIMERA_TOOLS_CPU_BENCH_ATTENTION_BENCH_H_
#define CHIMERA_TOOLS_CPU_BENCH_ATTENTION_BENCH_H_

#include <cstdint>
#include <vector>

#include "common/base/thread_pool.h"
#include "common/cpu/cpu_isa_type.h"
#include "common/model/llama_config.h"
#include "tools/cpu_bench/timing.h"

namespace chimera {

struct AttentionTime {
  int32_t context = 0;   // positions in pages
  int rows = 0;          // of a binary tree
  int64_t kv_bytes = 0;  // keys and values of the context, all layers
  double seconds = 0;    // of one step, all layers
};

// Attention to contexts of 512, 2048 and 8192 positions, by 1 row and by 8, on all threads of
// `pool`. The model need not be trained for so many. REQUIRES: the machine supports `isa`.
std::vector<AttentionTime> MeasureAttention(const LlamaConfig& config, CpuIsa isa, ThreadPool* pool,
                                            const Timing& timing);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CPU_BENCH_ATTENTION_BENCH_H_
