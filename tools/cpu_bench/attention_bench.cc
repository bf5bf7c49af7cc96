#include "tools/cpu_bench/attention_bench.h"

#include <iterator>
#include <span>

#include "common/backend/backend.h"
#include "common/backend/staged_step.h"
#include "common/cpu/activations.h"
#include "common/cpu/attention_layer.h"
#include "common/cpu/cpu_kernels.h"
#include "common/cpu/kv_cache.h"
#include "common/tree/token_tree.h"
#include "tools/cpu_bench/bench_steps.h"

namespace chimera {
namespace {

constexpr int32_t kContexts[] = {512, 2048, 8192};  // ascending
constexpr int kRowCounts[] = {1, 8};
constexpr int32_t kMaxContext = *(std::end(kContexts) - 1);
constexpr int32_t kPageCount = kMaxContext / kPagePositions;

class AttentionBench {
 public:
  AttentionBench(const LlamaConfig& config, CpuIsa isa, ThreadPool* pool)
      : config_(config),
        pool_(pool),
        pages_(BenchPages(kPageCount)),
        cache_(config, {.page_count = kPageCount, .slot_count = 1, .max_step_rows = 1}),
        layer_(config, kMaxContext + TokenTree::kMaxDepth + 1, GetCpuKernels(isa), pool) {
    FillPages();
  }

  AttentionTime Measure(int32_t context, int rows, const Timing& timing) {
    const TokenTree tree = BenchTree(rows, config_.vocab_size);
    const SequenceStep sequence = {.pages = pages_, .context_length = context, .tree = &tree};
    const StagedStep step = Stage(sequence);
    layer_.Plan(step);
    std::vector<float> inputs = StoreTree(step);
    Activations output;
    output.Reset(rows, config_.query_size());
    const double seconds = BestTime(timing, [&] {
      for (int layer = 0; layer < config_.layer_count; ++layer) {
        layer_.Attend(step, layer, cache_, /*quantizes=*/true, inputs.data(), &output);
      }
    });
    const int64_t vectors = int64_t{2} * config_.layer_count * context;
    return {.context = context,
            .rows = rows,
            .kv_bytes = vectors * config_.kv_size() * static_cast<int64_t>(sizeof(uint16_t)),
            .seconds = seconds};
  }

 private:
  int64_t row_size() const { return config_.query_size() + int64_t{2} * config_.kv_size(); }

  // A row of queries, keys and values, [query_size + 2 kv_size].
  std::vector<float> BenchRow() const {
    std::vector<float> row(row_size());
    for (size_t i = 0; i < row.size(); ++i) row[i] = static_cast<float>(i * 37 % 256) / 128 - 1;
    return row;
  }

  // Stores keys and values of all positions, the way a prefill does.
  void FillPages() {
    const std::vector<int32_t> tokens(kMaxContext);
    const SequenceStep sequence = {.pages = pages_, .chunk = tokens};
    const StagedStep step = Stage(sequence);
    for (int layer = 0; layer < config_.layer_count; ++layer) {
      pool_->ParallelFor(kMaxContext, [&](int64_t begin, int64_t end, int thread) {
        std::vector<float> values = BenchRow();
        for (int64_t row = begin; row < end; ++row) {
          layer_.StoreKeyValue(step, row, layer, values.data(), &cache_, thread);
        }
      });
    }
  }

  // Stores keys and values of the tree's rows in every layer. Returns what the rows attend with,
  // [n_rows, query_size + 2 kv_size].
  std::vector<float> StoreTree(const StagedStep& step) {
    constexpr int kThisThread = 0;
    const std::vector<float> values = BenchRow();
    std::vector<float> inputs;
    for (size_t row = 0; row < step.rows.size(); ++row) {
      inputs.insert(inputs.end(), values.begin(), values.end());
    }
    for (int layer = 0; layer < config_.layer_count; ++layer) {
      for (size_t row = 0; row < step.rows.size(); ++row) {
        layer_.StoreKeyValue(step, static_cast<int64_t>(row), layer,
                             inputs.data() + row * row_size(), &cache_, kThisThread);
      }
    }
    return inputs;
  }

  // The result points to `sequence`.
  static StagedStep Stage(const SequenceStep& sequence) {
    StagedStep step;
    std::vector<int32_t> first_row;
    StageStep({.sequences = std::span(&sequence, 1)}, &step, &first_row);
    return step;
  }

  const LlamaConfig& config_;
  ThreadPool* const pool_;
  const std::vector<int32_t> pages_;
  KvCache cache_;
  AttentionLayer layer_;
};

}  // namespace

std::vector<AttentionTime> MeasureAttention(const LlamaConfig& config, CpuIsa isa, ThreadPool* pool,
                                            const Timing& timing) {
  AttentionBench bench(config, isa, pool);
  std::vector<AttentionTime> times;
  for (const int32_t context : kContexts) {
    for (const int rows : kRowCounts) times.push_back(bench.Measure(context, rows, timing));
  }
  return times;
}

}  // namespace chimera
