#include "common/cuda/backend/cuda_llama_forward.h"

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "common/cuda/kernels/attention_shape.h"
#include "common/cuda/kernels/embed_tokens.h"
#include "common/cuda/kernels/gather_hidden_states.h"
#include "common/cuda/kernels/rms_norm.h"
#include "common/cuda/kernels/rope_append.h"
#include "common/cuda/kernels/silu_mul.h"
#include "common/cuda/kernels/tree_attention.h"

namespace chimera {
namespace {

// What partial results of attention may take. With less, long contexts are computed with less
// parallelism.
constexpr int64_t kMaxAttentionWorkspaceBytes = int64_t{64} << 20;

int AttentionPartialRows(const LlamaConfig& config, const BackendLimits& limits) {
  const int64_t row_bytes =
      TreeAttentionWorkspaceSize(1, config.query_head_count, config.head_dim) *
      static_cast<int64_t>(sizeof(float));
  const int64_t parts = config.context_length / AttentionChunkPositions(config.kv_head_count) + 2;
  return static_cast<int>(
      std::min(kMaxAttentionWorkspaceBytes / row_bytes, limits.max_step_rows * parts));
}

AttentionPlannerOptions PlannerOptions(const LlamaConfig& config, const BackendLimits& limits,
                                       int block_count) {
  const int64_t pages = (int64_t{config.context_length} + kPagePositions - 1) / kPagePositions;
  return {.head_count = config.query_head_count,
          .kv_head_count = config.kv_head_count,
          .limits = {.sequences = limits.slot_count,
                     .rows = limits.max_step_rows,
                     .pages = static_cast<int>(limits.slot_count * pages),
                     .partial_rows = AttentionPartialRows(config, limits)},
          .concurrent_blocks = block_count};
}

}  // namespace

absl::StatusOr<CudaLlamaForward> CudaLlamaForward::Create(const Model& model,
                                                          const BackendLimits& limits,
                                                          const cuda::DeviceInfo& device) {
  const LlamaConfig& config = *model.config;
  const int attention_blocks =
      device.multiprocessor_count * TreeAttentionBlocksPerMultiprocessor(config.head_dim);
  const AttentionPlannerOptions options = PlannerOptions(config, limits, attention_blocks);
  CHIMERA_ASSIGN_OR_RETURN(StepTables tables, StepTables::Create(options));
  const LaunchOrder order = device.compute_capability_major >= 9 ? LaunchOrder::kOverlapsPriorLaunch
                                                                 : LaunchOrder::kAfterPriorLaunch;
  CudaLlamaForward forward(model, std::move(tables), order, attention_blocks);
  CHIMERA_RETURN_IF_ERROR(forward.Allocate(limits, options.limits.partial_rows));
  return forward;
}

CudaLlamaForward::CudaLlamaForward(const Model& model, StepTables tables, LaunchOrder order,
                                   int attention_blocks)
    : config_(*model.config),
      weights_(*model.weights),
      linears_(*model.linears),
      order_(order),
      attention_blocks_(attention_blocks),
      tables_(std::move(tables)) {}

absl::Status CudaLlamaForward::Allocate(const BackendLimits& limits, int partial_rows) {
  max_rows_ = limits.max_step_rows;
  const auto allocate = [](int64_t size, auto* buffer) -> absl::Status {
    CHIMERA_ASSIGN_OR_RETURN(*buffer, std::decay_t<decltype(*buffer)>::Allocate(size));
    return absl::OkStatus();
  };
  const DeviceLlamaLayer& layer = weights_.layers[0];  // all have the same sizes
  int64_t product_elements = 0;
  for (const DeviceLinear* linear :
       {&layer.query_key_value, &layer.attention_output, &layer.ffn_gate_up, &layer.ffn_down}) {
    product_elements = std::max(product_elements, linears_.OutputElements(*linear, max_rows_));
  }
  const int64_t rows = max_rows_;
  const int64_t padded = linears_.PaddedRows(max_rows_);
  const int64_t workspace_size =
      TreeAttentionWorkspaceSize(partial_rows, config_.query_head_count, config_.head_dim);
  CHIMERA_RETURN_IF_ERROR(allocate(rows * config_.hidden_size, &residual_));
  CHIMERA_RETURN_IF_ERROR(allocate(padded * config_.hidden_size, &normed_));
  CHIMERA_RETURN_IF_ERROR(allocate(product_elements, &partials_));
  CHIMERA_RETURN_IF_ERROR(allocate(rows * config_.query_size(), &queries_));
  CHIMERA_RETURN_IF_ERROR(allocate(padded * config_.query_size(), &attended_));
  CHIMERA_RETURN_IF_ERROR(allocate(workspace_size, &attention_workspace_));
  // Drafters come and go: for whatever they tap together, so that no step lacks memory.
  const int64_t most_taps = int64_t{config_.layer_count} + 1;
  CHIMERA_RETURN_IF_ERROR(allocate(rows * most_taps * config_.hidden_size, &hidden_));
  return allocate(padded * config_.ffn_size, &gated_);
}

void CudaLlamaForward::SetTaps(std::span<const int32_t> layers) {
  if (std::ranges::equal(layers, taps_)) return;
  graphs_.Clear();
  taps_.assign(layers.begin(), layers.end());
}

absl::Status CudaLlamaForward::Run(const StagedStep& step, DeviceKvPool* pool,
                                   cuda::Stream& stream) {
  SetTaps(step.batch.tapped_layers);
  const int row_count = std::min(RowBucket(static_cast<int>(step.rows.size())), max_rows_);
  CHIMERA_RETURN_IF_ERROR(tables_.Send(step, row_count, *pool, stream));
  return graphs_.Launch(row_count, stream, [&] { return LaunchAll(row_count, pool, stream); });
}

absl::Status CudaLlamaForward::LaunchAll(int row_count, DeviceKvPool* pool, cuda::Stream& stream) {
  // The tables are copied before this: no overlap.
  CHIMERA_RETURN_IF_ERROR(
      LaunchEmbedTokens(stream, {.row_count = row_count,
                                 .size = config_.hidden_size,
                                 .table = weights_.token_embedding.span().device_pointer(),
                                 .tokens = tables_.View(row_count).tokens,
                                 .residual = residual_.span().device_pointer()}));
  const DeviceLinear* product = nullptr;  // not yet in the residual stream
  for (int layer = 0; layer < config_.layer_count; ++layer) {
    const DeviceLlamaLayer& weights = weights_.layers[layer];
    CHIMERA_RETURN_IF_ERROR(LaunchNorm(weights.attention_norm, product, row_count, stream));
    CHIMERA_RETURN_IF_ERROR(LaunchTap(layer, row_count, stream));
    CHIMERA_RETURN_IF_ERROR(LaunchAttention(layer, row_count, pool, stream));
    CHIMERA_RETURN_IF_ERROR(
        LaunchNorm(weights.ffn_norm, &weights.attention_output, row_count, stream));
    CHIMERA_RETURN_IF_ERROR(LaunchFeedForward(layer, row_count, stream));
    product = &weights.ffn_down;
  }
  CHIMERA_RETURN_IF_ERROR(LaunchNorm(weights_.output_norm, product, row_count, stream));
  return LaunchTap(config_.layer_count, row_count, stream);
}

absl::Status CudaLlamaForward::LaunchAttention(int layer, int row_count, DeviceKvPool* pool,
                                               cuda::Stream& stream) {
  const DeviceLlamaLayer& weights = weights_.layers[layer];
  const StepTableView tables = tables_.View(row_count);
  const DeviceLinear& product = weights.query_key_value;
  CHIMERA_RETURN_IF_ERROR(LaunchProduct(product, normed_.span(), row_count, stream));
  CHIMERA_RETURN_IF_ERROR(
      LaunchRopeAppend(stream,
                       {.row_count = row_count,
                        .split_count = linears_.SplitCount(product, row_count),
                        .head_count = config_.query_head_count,
                        .kv_head_count = config_.kv_head_count,
                        .head_dim = config_.head_dim,
                        .partials = partials_.span().device_pointer(),
                        .rope_table = weights_.rope_table.span().device_pointer(),
                        .positions = tables.positions,
                        .kv_slots = tables.kv_slots,
                        .queries = queries_.span().device_pointer(),
                        .keys = pool->keys(layer),
                        .values = pool->values(layer)},
                       order_));
  CHIMERA_RETURN_IF_ERROR(
      LaunchTreeAttention(stream,
                          {.head_count = config_.query_head_count,
                           .kv_head_count = config_.kv_head_count,
                           .head_dim = config_.head_dim,
                           .block_count = attention_blocks_,
                           .plan = tables.plan,
                           .queries = queries_.span().device_pointer(),
                           .keys = pool->keys(layer),
                           .values = pool->values(layer),
                           .workspace = attention_workspace_.span().device_pointer(),
                           .output = attended_.span().device_pointer()},
                          order_));
  return LaunchProduct(weights.attention_output, attended_.span(), row_count, stream);
}

absl::Status CudaLlamaForward::LaunchFeedForward(int layer, int row_count, cuda::Stream& stream) {
  const DeviceLlamaLayer& weights = weights_.layers[layer];
  const DeviceLinear& product = weights.ffn_gate_up;
  CHIMERA_RETURN_IF_ERROR(LaunchProduct(product, normed_.span(), row_count, stream));
  CHIMERA_RETURN_IF_ERROR(LaunchSiluMul(stream,
                                        {.row_count = row_count,
                                         .split_count = linears_.SplitCount(product, row_count),
                                         .size = config_.ffn_size,
                                         .partials = partials_.span().device_pointer(),
                                         .output = gated_.span().device_pointer()},
                                        order_));
  return LaunchProduct(weights.ffn_down, gated_.span(), row_count, stream);
}

absl::Status CudaLlamaForward::LaunchProduct(const DeviceLinear& linear,
                                             cuda::DeviceSpan<const uint16_t> x, int row_count,
                                             cuda::Stream& stream) {
  return linears_.Run(linear, {.row_count = row_count, .input = x, .output = partials_.span()},
                      stream, order_);
}

absl::Status CudaLlamaForward::LaunchNorm(const cuda::DeviceBuffer<float>& norm,
                                          const DeviceLinear* product, int row_count,
                                          cuda::Stream& stream) {
  const int split_count = product == nullptr ? 0 : linears_.SplitCount(*product, row_count);
  return LaunchRmsNorm(stream,
                       RmsNormArguments<float>{.row_count = row_count,
                                               .size = config_.hidden_size,
                                               .split_count = split_count,
                                               .epsilon = config_.rms_norm_epsilon,
                                               .partials = partials_.span().device_pointer(),
                                               .residual = residual_.span().device_pointer(),
                                               .weight = norm.span().device_pointer(),
                                               .output = normed_.span().device_pointer()},
                       order_);
}

absl::Status CudaLlamaForward::LaunchTap(int layer, int row_count, cuda::Stream& stream) {
  const auto tap = std::ranges::find(taps_, layer);
  if (tap == taps_.end()) return absl::OkStatus();
  return LaunchGatherHiddenStates(stream,
                                  {.row_count = row_count,
                                   .size = config_.hidden_size,
                                   .tap = static_cast<int>(tap - taps_.begin()),
                                   .tap_count = static_cast<int>(taps_.size()),
                                   .residual = residual_.span().device_pointer(),
                                   .output_rows = tables_.View(row_count).hidden_rows,
                                   .output = hidden_.span().device_pointer()},
                                  order_);
}

}  // namespace chimera
