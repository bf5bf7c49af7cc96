// What CudaDraftLayers launches.

#include "common/base/status_macros.h"
#include "common/cuda/draft_network/buffer_pointer.h"
#include "common/cuda/draft_network/cuda_draft_context.h"
#include "common/cuda/draft_network/cuda_draft_layers.h"
#include "common/cuda/kernels/fragment_gemm.h"
#include "common/cuda/kernels/gather_hidden_states.h"
#include "common/cuda/kernels/gather_rows.h"
#include "common/cuda/kernels/rms_norm.h"
#include "common/cuda/kernels/rope_append.h"
#include "common/cuda/kernels/silu.h"
#include "common/cuda/kernels/silu_mul.h"
#include "common/cuda/kernels/sum_splits.h"
#include "common/cuda/kernels/window_attention.h"

namespace chimera {

absl::Status CudaDraftLayers::LaunchProduct(const Product& product, const uint16_t* input,
                                            int row_count, cuda::Stream& stream) {
  return LaunchFragmentGemm(stream,
                            {.row_count = row_count,
                             .output_size = product.output_size,
                             .input_size = product.input_size,
                             .input = input,
                             .weights = product.weights,
                             .output = PointerTo(partials_)},
                            order_);
}

absl::Status CudaDraftLayers::LaunchNorm(const Product& product, AddNormArguments arguments,
                                         cuda::Stream& stream) {
  arguments.size = config_.hidden_size;
  arguments.split_count = Splits(product, arguments.row_count);
  arguments.epsilon = config_.rms_norm_epsilon;
  arguments.partials = PointerTo(partials_);
  if (arguments.output == nullptr) {
    arguments.output = PointerTo(normed_);
    arguments.output_stride = config_.hidden_size;
  }
  return LaunchAddNorm(stream, arguments, order_);
}

absl::Status CudaDraftLayers::LaunchTrigrams(int row_count, const int32_t* tokens,
                                             cuda::Stream& stream) {
  const Product w1 = ProductOf(weights_.trigram_w1);
  const Product w2 = ProductOf(weights_.trigram_w2);
  CHIMERA_RETURN_IF_ERROR(LaunchGatherRows(stream,
                                           {.row_count = row_count * config_.trigram_order,
                                            .size = config_.hidden_size,
                                            .input = PointerTo(weights_.token_embedding),
                                            .indices = tokens,
                                            .output = PointerTo(trigram_inputs_)},
                                           order_));
  CHIMERA_RETURN_IF_ERROR(LaunchProduct(w1, PointerTo(trigram_inputs_), row_count, stream));
  CHIMERA_RETURN_IF_ERROR(LaunchSilu(stream,
                                     {.row_count = row_count,
                                      .split_count = Splits(w1, row_count),
                                      .size = config_.trigram_hidden_size,
                                      .partials = PointerTo(partials_),
                                      .output = PointerTo(trigram_hidden_)},
                                     order_));
  CHIMERA_RETURN_IF_ERROR(LaunchProduct(w2, PointerTo(trigram_hidden_), row_count, stream));
  return LaunchNorm(w2,
                    {.row_count = row_count,
                     .weight = PointerTo(weights_.token_norm),
                     .output = PointerTo(mixed_),
                     .output_stride = 2 * config_.hidden_size},
                    stream);
}

absl::Status CudaDraftLayers::LaunchContexts(int row_count, const ContextTables& tables,
                                             cuda::Stream& stream) {
  const int size = config_.hidden_size;
  const Product fusion = ProductOf(weights_.fusion);
  const Product input = ProductOf(weights_.input);
  const Product key_value = KeyValue();
  // The tables and states are copied before this: no overlap.
  CHIMERA_RETURN_IF_ERROR(LaunchRmsNorm(
      stream, RmsNormArguments<uint16_t>{
                  .row_count = row_count * static_cast<int>(config_.tapped_layers.size()),
                  .size = size,
                  .epsilon = config_.rms_norm_epsilon,
                  .residual = PointerTo(states_),
                  .weight = PointerTo(weights_.ones),
                  .output = PointerTo(normed_states_)}));
  CHIMERA_RETURN_IF_ERROR(LaunchProduct(fusion, PointerTo(normed_states_), row_count, stream));
  CHIMERA_RETURN_IF_ERROR(LaunchNorm(fusion,
                                     {.row_count = row_count,
                                      .sum = {.matrix = PointerTo(features_)},
                                      .weight = PointerTo(weights_.feature_norm),
                                      .output = PointerTo(mixed_) + size,
                                      .output_stride = 2 * size},
                                     stream));
  CHIMERA_RETURN_IF_ERROR(LaunchGatherHiddenStates(stream,
                                                   {.row_count = row_count,
                                                    .size = size,
                                                    .tap_count = 1,
                                                    .residual = PointerTo(features_),
                                                    .output_rows = tables.newest_rows,
                                                    .output = PointerTo(newest_)},
                                                   order_));
  CHIMERA_RETURN_IF_ERROR(LaunchTrigrams(row_count, tables.tokens, stream));
  CHIMERA_RETURN_IF_ERROR(LaunchProduct(input, PointerTo(mixed_), row_count, stream));
  CHIMERA_RETURN_IF_ERROR(
      LaunchNorm(input,
                 {.row_count = row_count,
                  .sum = {.matrix = PointerTo(context_z_), .rows = tables.z_rows},
                  .weight = PointerTo(weights_.attention_norm)},
                 stream));
  CHIMERA_RETURN_IF_ERROR(LaunchProduct(key_value, PointerTo(normed_), row_count, stream));
  return LaunchRopeAppend(stream,
                          {.row_count = row_count,
                           .split_count = Splits(key_value, row_count),
                           .head_count = 0,
                           .kv_head_count = config_.kv_head_count,
                           .head_dim = config_.head_dim,
                           .partials = PointerTo(partials_),
                           .rope_table = PointerTo(weights_.rope_table),
                           .positions = tables.positions,
                           .kv_slots = tables.kv_slots,
                           .keys = PointerTo(window_keys_),
                           .values = PointerTo(window_values_)},
                          order_);
}

absl::Status CudaDraftLayers::LaunchProjection(int row_count, const int32_t* slots,
                                               cuda::Stream& stream) {
  const Product residual = ProductOf(weights_.residual);
  // The table may be copied before this: no overlap.
  CHIMERA_RETURN_IF_ERROR(LaunchFragmentGemm(stream, {.row_count = row_count,
                                                      .output_size = residual.output_size,
                                                      .input_size = residual.input_size,
                                                      .input = PointerTo(newest_),
                                                      .weights = residual.weights,
                                                      .output = PointerTo(partials_)}));
  return LaunchSumSplits(stream,
                         {.row_count = row_count,
                          .split_count = Splits(residual, row_count),
                          .size = residual.output_size,
                          .partials = PointerTo(partials_),
                          .output_rows = slots,
                          .output = PointerTo(residuals_)},
                         order_);
}

absl::Status CudaDraftLayers::LaunchRoots(int row_count, const TreeTables& tables,
                                          cuda::Stream& stream) {
  // The tables are copied before this: no overlap.
  CHIMERA_RETURN_IF_ERROR(
      LaunchAddNorm(stream, {.row_count = row_count,
                             .size = config_.hidden_size,
                             .epsilon = config_.rms_norm_epsilon,
                             .addend = {.matrix = PointerTo(context_z_), .rows = tables.input_rows},
                             .sum = {.matrix = PointerTo(z_)},
                             .weight = PointerTo(weights_.attention_norm),
                             .output = PointerTo(normed_),
                             .output_stride = config_.hidden_size}));
  CHIMERA_RETURN_IF_ERROR(LaunchEncoder(row_count, tables, stream));
  return config_.depth_heads > 1 ? absl::OkStatus() : LaunchScores(row_count, stream);
}

absl::Status CudaDraftLayers::LaunchNodes(int row_count, const TreeTables& tables,
                                          cuda::Stream& stream) {
  const int size = config_.hidden_size;
  const Product input = ProductOf(weights_.input);
  // Where the target's features would be, the parent's encoding stands in. The tables are copied
  // before this: no overlap.
  CHIMERA_RETURN_IF_ERROR(
      LaunchAddNorm(stream, {.row_count = row_count,
                             .size = size,
                             .epsilon = config_.rms_norm_epsilon,
                             .addend = {.matrix = PointerTo(encodings_), .rows = tables.input_rows},
                             .weight = PointerTo(weights_.feature_norm),
                             .output = PointerTo(mixed_) + size,
                             .output_stride = 2 * size}));
  CHIMERA_RETURN_IF_ERROR(LaunchTrigrams(row_count, tables.tokens, stream));
  CHIMERA_RETURN_IF_ERROR(LaunchProduct(input, PointerTo(mixed_), row_count, stream));
  CHIMERA_RETURN_IF_ERROR(LaunchNorm(input,
                                     {.row_count = row_count,
                                      .sum = {.matrix = PointerTo(z_)},
                                      .weight = PointerTo(weights_.attention_norm)},
                                     stream));
  CHIMERA_RETURN_IF_ERROR(LaunchEncoder(row_count, tables, stream));
  return LaunchScores(row_count, stream);
}

absl::Status CudaDraftLayers::LaunchAttention(int row_count, const TreeTables& tables,
                                              cuda::Stream& stream) {
  const Product product = ProductOf(weights_.query_key_value);
  CHIMERA_RETURN_IF_ERROR(LaunchProduct(product, PointerTo(normed_), row_count, stream));
  CHIMERA_RETURN_IF_ERROR(LaunchRopeAppend(stream,
                                           {.row_count = row_count,
                                            .split_count = Splits(product, row_count),
                                            .head_count = config_.query_head_count,
                                            .kv_head_count = config_.kv_head_count,
                                            .head_dim = config_.head_dim,
                                            .partials = PointerTo(partials_),
                                            .rope_table = PointerTo(weights_.rope_table),
                                            .positions = tables.positions,
                                            .kv_slots = tables.kv_slots,
                                            .queries = PointerTo(queries_),
                                            .keys = PointerTo(node_keys_),
                                            .values = PointerTo(node_values_)},
                                           order_));
  return LaunchWindowAttention(stream,
                               {.row_count = row_count,
                                .head_count = config_.query_head_count,
                                .kv_head_count = config_.kv_head_count,
                                .head_dim = config_.head_dim,
                                .ring_pages = CudaDraftContext::RingPages(config_),
                                .rows = tables.attention,
                                .queries = PointerTo(queries_),
                                .keys = PointerTo(window_keys_),
                                .values = PointerTo(window_values_),
                                .node_keys = PointerTo(node_keys_),
                                .node_values = PointerTo(node_values_),
                                .output = PointerTo(attended_)},
                               order_);
}

absl::Status CudaDraftLayers::LaunchEncoder(int row_count, const TreeTables& tables,
                                            cuda::Stream& stream) {
  const Product attention = ProductOf(weights_.attention_output);
  const Product gate_up = ProductOf(weights_.ffn_gate_up);
  const Product down = ProductOf(weights_.ffn_down);
  CHIMERA_RETURN_IF_ERROR(LaunchAttention(row_count, tables, stream));
  CHIMERA_RETURN_IF_ERROR(LaunchProduct(attention, PointerTo(attended_), row_count, stream));
  CHIMERA_RETURN_IF_ERROR(LaunchNorm(attention,
                                     {.row_count = row_count,
                                      .addend = {.matrix = PointerTo(z_)},
                                      .sum = {.matrix = PointerTo(z_)},
                                      .weight = PointerTo(weights_.ffn_norm)},
                                     stream));
  CHIMERA_RETURN_IF_ERROR(LaunchProduct(gate_up, PointerTo(normed_), row_count, stream));
  CHIMERA_RETURN_IF_ERROR(LaunchSiluMul(stream,
                                        {.row_count = row_count,
                                         .split_count = Splits(gate_up, row_count),
                                         .size = config_.ffn_size,
                                         .partials = PointerTo(partials_),
                                         .output = PointerTo(gated_)},
                                        order_));
  CHIMERA_RETURN_IF_ERROR(LaunchProduct(down, PointerTo(gated_), row_count, stream));
  return LaunchNorm(down,
                    {.row_count = row_count,
                     .addend = {.matrix = PointerTo(z_)},
                     .sum = {.matrix = PointerTo(encodings_), .rows = tables.encoding_rows},
                     .residual = {.matrix = PointerTo(residuals_), .rows = tables.residual_rows},
                     .weight = PointerTo(weights_.head_norm)},
                    stream);
}

absl::Status CudaDraftLayers::LaunchHeads(int row_count, const HeadTables& tables,
                                          cuda::Stream& stream) {
  // The tables are copied before this: no overlap.
  CHIMERA_RETURN_IF_ERROR(LaunchAddNorm(
      stream, {.row_count = row_count,
               .size = config_.hidden_size,
               .epsilon = config_.rms_norm_epsilon,
               .addend = {.matrix = PointerTo(encodings_), .rows = tables.encoding_rows},
               .residual = {.matrix = PointerTo(residuals_), .rows = tables.residual_rows},
               .weight = PointerTo(weights_.head_norm),
               .output = PointerTo(normed_),
               .output_stride = config_.hidden_size}));
  return LaunchScores(row_count, stream);
}

absl::Status CudaDraftLayers::LaunchScores(int row_count, cuda::Stream& stream) {
  const Product head = ProductOf(weights_.head);
  CHIMERA_RETURN_IF_ERROR(LaunchProduct(head, PointerTo(normed_), row_count, stream));
  return LaunchSumSplits(stream,
                         {.row_count = row_count,
                          .split_count = Splits(head, row_count),
                          .size = head.output_size,
                          .partials = PointerTo(partials_),
                          .output = PointerTo(logits_)},
                         order_);
}

}  // namespace chimera
