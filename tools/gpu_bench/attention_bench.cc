#include "tools/gpu_bench/attention_bench.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/cuda/kernels/attention_plan.h"
#include "common/cuda/kernels/attention_shape.h"
#include "common/cuda/kernels/kv_layout.h"
#include "common/cuda/kernels/tree_attention.h"
#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "common/tree/token_tree.h"
#include "tools/cpu_bench/bench_steps.h"
#include "tools/gpu_bench/device_operands.h"

namespace chimera {
namespace {

class AttentionBench {
 public:
  AttentionBench(const LlamaConfig& config, int context, int rows, const KernelBench& bench)
      : config_(config),
        context_(context),
        tree_(BenchTree(rows, config.vocab_size)),
        context_pages_((context + kPageSlots - 1) / kPageSlots),
        bench_(bench),
        cold_(PlanColdLaunches(kv_bytes(), bench.device, bench.launches)) {}

  // Of one layer.
  int64_t kv_bytes() const {
    const int64_t vectors = int64_t{2} * (context_ + tree_.size());
    return vectors * config_.kv_size() * static_cast<int64_t>(sizeof(uint16_t));
  }

  absl::Status Allocate() {
    cuda::Stream& stream = bench_.timer->stream();
    for (int i = 0; i < 2 * cold_.operands; ++i) {
      CHIMERA_ASSIGN_OR_RETURN(auto part, RandomDeviceBf16(PoolElements(), stream));
      pools_.push_back(std::move(part));
    }
    const int64_t row_elements = int64_t{tree_.size()} * config_.query_size();
    CHIMERA_ASSIGN_OR_RETURN(queries_, RandomDeviceBf16(row_elements, stream));
    CHIMERA_ASSIGN_OR_RETURN(output_, cuda::DeviceBuffer<uint16_t>::Allocate(row_elements));
    CHIMERA_ASSIGN_OR_RETURN(workspace_,
                             cuda::DeviceBuffer<float>::Allocate(TreeAttentionWorkspaceSize(
                                 PartialRows(), config_.query_head_count, config_.head_dim)));
    return SendPlan(stream);
  }

  absl::StatusOr<TimeSpread> Measure() {
    CHIMERA_ASSIGN_OR_RETURN(
        const cuda::Graph graph,
        bench_.timer->Capture([&](cuda::Stream& stream) { return Launch(stream); }));
    const cuda::Graph* const graphs[] = {&graph};
    CHIMERA_ASSIGN_OR_RETURN(const std::vector<TimeSpread> times,
                             bench_.timer->Measure(graphs, bench_.repetitions));
    return times[0].DividedBy(cold_.launches);
  }

 private:
  int BlockCount() const {
    return bench_.device.multiprocessor_count *
           TreeAttentionBlocksPerMultiprocessor(config_.head_dim);
  }

  int PartialRows() const {
    return tree_.size() * (context_ / AttentionChunkPositions(config_.kv_head_count) + 2);
  }

  // Keys, or values, of the context's pages and of the tree's behind them.
  int64_t PoolElements() const {
    const int64_t pages = context_pages_ + TokenTree::kMaxNodes / kPageSlots;
    return pages * kPageSlots * config_.kv_size();
  }

  absl::Status SendPlan(cuda::Stream& stream) {
    const AttentionPlanner planner({.head_count = config_.query_head_count,
                                    .kv_head_count = config_.kv_head_count,
                                    .limits = {.sequences = 1,
                                               .rows = tree_.size(),
                                               .pages = context_pages_,
                                               .partial_rows = PartialRows()},
                                    .concurrent_blocks = BlockCount()});
    CHIMERA_ASSIGN_OR_RETURN(auto host,
                             cuda::PinnedBuffer<int32_t>::Allocate(planner.buffer_size()));
    CHIMERA_ASSIGN_OR_RETURN(plan_, cuda::DeviceBuffer<int32_t>::Allocate(planner.buffer_size()));
    const std::vector<int32_t> pages = BenchPages(context_pages_);
    const AttentionSequence sequence = {.pages = pages,
                                        .context_length = context_,
                                        .row_count = tree_.size(),
                                        .tree = &tree_,
                                        .scratch_page = context_pages_};
    planner.Plan({&sequence, 1}, host.span());
    CHIMERA_RETURN_IF_ERROR(cuda::CopyToDevice<int32_t>(plan_.span(), host.span(), stream));
    return stream.Synchronize();
  }

  absl::Status Launch(cuda::Stream& stream) {
    for (int i = 0; i < cold_.launches; ++i) {
      const int set = i % cold_.operands;
      CHIMERA_RETURN_IF_ERROR(
          LaunchTreeAttention(stream,
                              {.head_count = config_.query_head_count,
                               .kv_head_count = config_.kv_head_count,
                               .head_dim = config_.head_dim,
                               .block_count = BlockCount(),
                               .plan = plan_.span().device_pointer(),
                               .queries = queries_.span().device_pointer(),
                               .keys = pools_[2 * set].span().device_pointer(),
                               .values = pools_[2 * set + 1].span().device_pointer(),
                               .workspace = workspace_.span().device_pointer(),
                               .output = output_.span().device_pointer()},
                              BestLaunchOrder(bench_.device)));
    }
    return absl::OkStatus();
  }

  const LlamaConfig& config_;
  const int context_;
  const TokenTree tree_;
  const int context_pages_;
  const KernelBench& bench_;
  const ColdLaunches cold_;
  std::vector<cuda::DeviceBuffer<uint16_t>> pools_;  // keys and values by turns
  cuda::DeviceBuffer<uint16_t> queries_;
  cuda::DeviceBuffer<uint16_t> output_;
  cuda::DeviceBuffer<float> workspace_;
  cuda::DeviceBuffer<int32_t> plan_;
};

}  // namespace

absl::StatusOr<AttentionTime> MeasureAttention(const LlamaConfig& config, int context, int rows,
                                               const KernelBench& bench) {
  AttentionBench attention(config, context, rows, bench);
  AttentionTime time = {context, rows, attention.kv_bytes(), {}};
  const absl::Status allocated = attention.Allocate();
  if (absl::IsResourceExhausted(allocated)) {
    time.skipped = std::string(allocated.message());
    return time;
  }
  CHIMERA_RETURN_IF_ERROR(allocated);
  CHIMERA_ASSIGN_OR_RETURN(time.seconds, attention.Measure());
  return time;
}

}  // namespace chimera
