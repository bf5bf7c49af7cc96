// Attention of all rows of a step in one layer.

#ifndef CHIMERA_COMMON_CPU_ATTENTION_LAYER_H_
#define CHIMERA_COMMON_CPU_ATTENTION_LAYER_H_

#include <cstdint>
#include <vector>

#include "common/backend/staged_step.h"
#include "common/base/thread_pool.h"
#include "common/cpu/activations.h"
#include "common/cpu/cpu_kernels.h"
#include "common/cpu/kv_cache.h"
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

  // Shares out the rows of `step` among the threads, the same for all layers: rows and heads of a
  // group share the widening of keys and values, as long as there is work for everyone.
  void Plan(const StagedStep& step);

  // Turns the keys of row `index` by RoPE, in place, and stores its keys and values: in its page,
  // or in its slot's scratch if it is a node of a tree. `query_key_value` is the row, [query_size +
  // 2 kv_size], `thread` the pool's thread that calls.
  void StoreKeyValue(const StagedStep& step, int64_t index, int layer, float* query_key_value,
                     KvCache* cache, int thread);

  // Writes the heads' outputs of every row to `output` [n_rows, query_size], in its quantised form
  // too if `quantizes`: row i of `query_key_value` [n_rows, query_size + 2 kv_size], whose queries
  // are turned by RoPE in place, attends to the positions below its sequence's context in pages, to
  // earlier rows of its chunk or to its ancestors in scratch, and to itself. REQUIRES: Plan was
  // called for the step, and StoreKeyValue for all rows.
  void Attend(const StagedStep& step, int layer, const KvCache& cache, bool quantizes,
              float* query_key_value, Activations* output);

 private:
  // What one thread needs.
  struct Scratch {
    std::vector<uint16_t> key;
    std::vector<KvPage> pages;
    std::vector<KvNode> nodes;
    std::vector<AttentionRow> rows;
    std::vector<float> weights;
  };

  // Consecutive rows of one sequence.
  struct RowRange {
    int64_t begin = 0;
    int64_t count = 0;
    int64_t positions = 0;         // that the rows attend to, together
    int64_t positions_before = 0;  // those of earlier ranges
  };

  // Query heads that share a key/value head.
  struct HeadRange {
    int64_t begin = 0;
    int64_t count = 0;
  };

  // What all items of a loop have in common.
  struct Pass {
    const StagedStep& step;
    int layer;
    const KvCache& cache;
    float* query_key_value;
    Activations* output;
    bool quantizes;
  };

  // Cuts the rows of `step` into ranges of at most `most_rows`.
  void ListRanges(const StagedStep& step, int64_t most_rows);

  // One of as many shares of all work as there are threads.
  void AttendShare(const Pass& pass, int share, Scratch* scratch) const;

  // `is_cold`: the thread has not read these keys and values for the range before.
  void AttendRange(const Pass& pass, const RowRange& range, const HeadRange& heads, bool is_cold,
                   Scratch* scratch) const;

  // Lists where the keys and values are that the rows of `range` attend to, for one kv head.
  void ListPages(const Pass& pass, const RowRange& range, int64_t kv_head, Scratch* scratch) const;
  void ListNodes(const Pass& pass, const StagedRow& row, int64_t kv_head, Scratch* scratch) const;

  const LlamaConfig& config_;
  const CpuKernels& kernels_;
  ThreadPool* const pool_;
  const RopeTable rope_;
  std::vector<Scratch> scratch_;  // [thread_count]
  // Of the step under way.
  std::vector<RowRange> ranges_;
  int64_t heads_at_once_ = 1;  // query heads of an item, which share a key/value head
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_ATTENTION_LAYER_H_
