// Attention of all rows of a step in one layer.

#ifndef CHIMERA_COMMON_CPU_ATTENTION_LAYER_H_
#define CHIMERA_COMMON_CPU_ATTENTION_LAYER_H_

#include <cstdint>
#include <vector>

#include "common/base/thread_pool.h"
#include "common/cpu/activations.h"
#include "common/cpu/cpu_kernels.h"
#include "common/cpu/kv_cache.h"
#include "common/cpu/staged_step.h"
#include "common/model/llama_config.h"
#include "common/ops/rope.h"

namespace chimera {

// Stores keys and values and attends to them. Holds scratch memory per thread; results do not
// depend on earlier calls. `config`, `kernels` and `pool` must outlive it.
class AttentionLayer {
 public:
  // `position_limit` bounds the positions of all rows.
  AttentionLayer(const LlamaConfig& config, int64_t position_limit, const CpuKernels& kernels,
                 ThreadPool* pool);

  // Turns the queries and keys of row `index` by RoPE, in place, and stores its key and value: in
  // its page, or in its slot's scratch if it is a node of a tree. `query_key_value` is the row,
  // [query_size + 2 kv_size], `thread` the pool's thread that calls.
  void StoreKeyValue(const StagedStep& step, int64_t index, int layer, float* query_key_value,
                     KvCache* cache, int thread);

  // Writes the heads' outputs of every row to `output` [n_rows, query_size]: row i of
  // `query_key_value` [n_rows, query_size + 2 kv_size] attends to the positions below its
  // sequence's context in pages, to earlier rows of its chunk or to its ancestors in scratch, and
  // to itself. REQUIRES: StoreKeyValue was called for all rows.
  void Attend(const StagedStep& step, int layer, const float* query_key_value, const KvCache& cache,
              Activations* output);

 private:
  // What one thread needs.
  struct Scratch {
    std::vector<uint16_t> key;
    std::vector<KvPage> pages;
    std::vector<KvNode> nodes;
    std::vector<float> weights;
  };

  // Query heads of one row that share a key/value head.
  struct HeadGroup {
    int layer = 0;
    int64_t row = 0;
    int64_t first_head = 0;
    int64_t head_count = 0;
  };

  void AttendGroup(const StagedStep& step, const HeadGroup& part, const float* query_key_value,
                   const KvCache& cache, Scratch* scratch, Activations* output) const;

  // Lists where the keys and values of positions 0 .. row.position are, for one kv head. Returns
  // how many of them are in pages.
  int64_t ListPositions(const StagedStep& step, const StagedRow& row, int layer, int64_t kv_head,
                        const KvCache& cache, Scratch* scratch) const;

  // Whether a thread may not have read the pages of the row's sequence for an earlier row.
  bool IsFirstToRead(const StagedStep& step, int64_t row) const;

  const LlamaConfig& config_;
  const CpuKernels& kernels_;
  ThreadPool* const pool_;
  const RopeTable rope_;
  std::vector<Scratch> scratch_;  // [thread_count]
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_ATTENTION_LAYER_H_
