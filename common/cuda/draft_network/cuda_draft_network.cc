#include "common/cuda/draft_network/cuda_draft_network.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/cuda/kernels/rms_norm.h"
#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/device.h"

namespace chimera {
namespace {

constexpr int kMaxRows = CudaDraftLayers::kMaxRows;

// Columns of the tables, in this order. The first has as many elements a row as trigrams tokens.
enum ContextColumn { kContextTokens, kContextPositions, kContextKvSlots, kNewestRows, kZRows };
enum TreeColumn {
  kTreeTokens,
  kInputRows,
  kTreePositions,
  kTreeKvSlots,
  kEncodingRows,
  kResidualRows,
  kAttention
};
enum HeadColumn { kHeadEncodingRows, kHeadResidualRows };

constexpr int kAttentionRowSize = sizeof(WindowAttentionRow) / sizeof(int32_t);
static_assert(sizeof(WindowAttentionRow) % sizeof(int32_t) == 0);

absl::Status CheckConfig(const DraftNetworkConfig& config) {
  const struct {
    absl::string_view name;
    int64_t value;
    int64_t maximum;
  } sizes[] = {{"hidden_size", config.hidden_size, std::min(kMaxRmsNormSize, kMaxAddNormSize)},
               {"head_dim", config.head_dim, kMaxWindowAttentionHeadDim},
               {"query_size", config.query_size(), WeightUploader::kMaxColumns}};
  for (const auto& [name, value, maximum] : sizes) {
    if (value <= maximum) continue;
    return absl::UnimplementedError(absl::StrCat("drafter \"", config.name, "\": ", name, " ",
                                                 value, ", must be at most ", maximum,
                                                 " on CUDA devices"));
  }
  return absl::OkStatus();
}

// The tokens that the encoder reads of a trigram, the last ones.
void StageTokens(const Trigram& trigram, int32_t order, int row, std::span<int32_t> tokens) {
  std::copy(trigram.end() - order, trigram.end(), tokens.begin() + int64_t{row} * order);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DraftNetwork>> CudaDraftNetwork::Create(
    const DraftNetworkModel& model, const CudaDraftNetworkOptions& options) {
  CHIMERA_CHECK(options.max_contexts > 0 && options.threads != nullptr);
  CHIMERA_RETURN_IF_ERROR(CheckConfig(model.config));
  CHIMERA_RETURN_IF_ERROR(cuda::SelectDevice(options.device));
  CHIMERA_ASSIGN_OR_RETURN(cuda::Stream stream, cuda::Stream::Create());
  auto network = absl::WrapUnique(new CudaDraftNetwork(model, options, std::move(stream)));
  const absl::Status loaded = network->Load(model, options);
  if (absl::IsResourceExhausted(loaded)) {
    return absl::ResourceExhaustedError(absl::StrCat("drafter \"", model.config.name, "\" for ",
                                                     options.max_contexts,
                                                     " sequences: ", loaded.message()));
  }
  CHIMERA_RETURN_IF_ERROR(loaded);
  return network;
}

CudaDraftNetwork::CudaDraftNetwork(const DraftNetworkModel& model,
                                   const CudaDraftNetworkOptions& options, cuda::Stream stream)
    : config_(model.config),
      device_(options.device),
      vocabulary_(model.weights.residual_head.vocabulary),
      slots_(options.max_contexts),
      stream_(std::move(stream)) {}

absl::Status CudaDraftNetwork::Load(const DraftNetworkModel& model,
                                    const CudaDraftNetworkOptions& options) {
  CHIMERA_ASSIGN_OR_RETURN(const cuda::DeviceInfo device, cuda::GetDeviceInfo(device_));
  CHIMERA_ASSIGN_OR_RETURN(weights_, DeviceDraftWeights::Load(model, options.threads));
  CHIMERA_ASSIGN_OR_RETURN(
      CudaDraftLayers layers,
      CudaDraftLayers::Create({&config_, &weights_}, options.max_contexts, device));
  layers_.emplace(std::move(layers));
  const auto create = [](std::vector<int> widths, std::optional<IndexTables>* to) -> absl::Status {
    CHIMERA_ASSIGN_OR_RETURN(IndexTables tables, IndexTables::Create(std::move(widths), kMaxRows));
    to->emplace(std::move(tables));
    return absl::OkStatus();
  };
  const int order = config_.trigram_order;
  CHIMERA_RETURN_IF_ERROR(create({order, 1, 1, 1, 1}, &context_tables_));
  CHIMERA_RETURN_IF_ERROR(create({1}, &newest_tables_));
  CHIMERA_RETURN_IF_ERROR(create({order, 1, 1, 1, 1, 1, kAttentionRowSize}, &tree_tables_));
  CHIMERA_RETURN_IF_ERROR(create({1, 1}, &head_tables_));
  CHIMERA_ASSIGN_OR_RETURN(host_states_,
                           cuda::PinnedBuffer<uint16_t>::Allocate(layers_->states().size()));
  return absl::OkStatus();
}

std::unique_ptr<DraftContext> CudaDraftNetwork::NewContext(int64_t start_position) {
  return std::make_unique<CudaDraftContext>(config_, start_position, &slots_);
}

absl::Status CudaDraftNetwork::EncodeContexts(std::span<DraftContext* const> contexts) {
  CHIMERA_RETURN_IF_ERROR(cuda::SelectDevice(device_));
  context_rows_.clear();
  std::vector<CudaDraftContext*> encoded;
  for (DraftContext* context : contexts) {
    auto* const own = static_cast<CudaDraftContext*>(context);
    const DraftContext::ReadyRows ready = own->ready_rows();
    if (own->slot() < 0 || ready.begin == ready.end) continue;
    TakeReady(ready, own);
    encoded.push_back(own);
  }
  const std::span<const ContextRow> rows = context_rows_;
  for (size_t first = 0; first < rows.size(); first += kMaxRows) {
    absl::Status status =
        EncodeRows(rows.subspan(first, std::min<size_t>(kMaxRows, rows.size() - first)));
    if (!status.ok()) {
      // What was given to the stream reads memory that the next call writes. If this fails, so does
      // the next call.
      stream_.Synchronize().IgnoreError();
      return status;
    }
  }
  for (CudaDraftContext* context : encoded) context->MarkEncoded(context->window_end());
  return absl::OkStatus();
}

void CudaDraftNetwork::TakeReady(const DraftContext::ReadyRows& rows, CudaDraftContext* context) {
  if (!rows.continue_window) context->RestartWindow(rows.begin);
  context->ExtendWindow(rows.end - rows.begin);
  for (int64_t position = rows.begin; position < rows.end; ++position) {
    context_rows_.push_back({context, position, position + 1 == rows.end});
  }
}

absl::Status CudaDraftNetwork::EncodeRows(std::span<const ContextRow> rows) {
  if (is_pending_) CHIMERA_RETURN_IF_ERROR(stream_.Synchronize());
  is_pending_ = true;
  const int row_count = RowBucket(static_cast<int>(rows.size()));
  const auto column = [&](ContextColumn which) { return context_tables_->Stage(which, row_count); };
  for (const ContextColumn which : {kContextTokens, kContextKvSlots, kNewestRows, kZRows}) {
    std::ranges::fill(column(which), -1);
  }
  std::ranges::fill(column(kContextPositions), 0);
  const int64_t states_size =
      static_cast<int64_t>(config_.tapped_layers.size()) * config_.hidden_size;
  std::vector<int32_t> newest;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto& [context, position, is_newest] = rows[i];
    StageTokens(context->TrigramAt(position + 1), config_.trigram_order, static_cast<int>(i),
                column(kContextTokens));
    column(kContextPositions)[i] = static_cast<int32_t>(position);
    column(kContextKvSlots)[i] = context->KvSlot(position);
    std::copy_n(context->StateAt(position), states_size,
                host_states_.span().begin() + static_cast<int64_t>(i) * states_size);
    if (!is_newest) continue;
    column(kNewestRows)[i] = static_cast<int32_t>(newest.size());
    column(kZRows)[i] = context->slot();
    newest.push_back(context->slot());
  }
  CHIMERA_RETURN_IF_ERROR(context_tables_->Send(row_count, stream_));
  const size_t elements = rows.size() * states_size;
  CHIMERA_RETURN_IF_ERROR(cuda::CopyToDevice<uint16_t>(
      layers_->states().subspan(0, elements), host_states_.span().first(elements), stream_));
  const auto view = [&](ContextColumn which) { return context_tables_->View(which, row_count); };
  CHIMERA_RETURN_IF_ERROR(layers_->EncodeContexts(row_count,
                                                  {.tokens = view(kContextTokens),
                                                   .positions = view(kContextPositions),
                                                   .kv_slots = view(kContextKvSlots),
                                                   .newest_rows = view(kNewestRows),
                                                   .z_rows = view(kZRows)},
                                                  stream_));
  if (newest.empty()) return absl::OkStatus();
  newest.resize(RowBucket(static_cast<int>(newest.size())), -1);
  const int newest_count = static_cast<int>(newest.size());
  std::ranges::copy(newest, newest_tables_->Stage(0, newest_count).begin());
  CHIMERA_RETURN_IF_ERROR(newest_tables_->Send(newest_count, stream_));
  return layers_->ProjectFeatures(newest_count, newest_tables_->View(0, newest_count), stream_);
}

absl::StatusOr<DraftLogits> CudaDraftNetwork::EncodeAll(
    int64_t count, absl::Status (CudaDraftNetwork::*encode)(int64_t first, int count)) {
  const int64_t stride = layers_->logits_stride();
  if (static_cast<int64_t>(host_logits_.size()) < count * stride) {
    host_logits_ = {};
    CHIMERA_ASSIGN_OR_RETURN(host_logits_, cuda::PinnedBuffer<float>::Allocate(count * stride));
  }
  for (int64_t first = 0; first < count; first += kMaxRows) {
    const int rows = static_cast<int>(std::min<int64_t>(kMaxRows, count - first));
    absl::Status status = (this->*encode)(first, rows);
    if (status.ok()) {
      status =
          cuda::CopyToHost<const float>(host_logits_.span().subspan(first * stride, rows * stride),
                                        layers_->logits().subspan(0, rows * stride), stream_);
    }
    // The tables are written again for the next rows, and by the next call also after an error.
    const absl::Status done = stream_.Synchronize();
    CHIMERA_RETURN_IF_ERROR(status);
    CHIMERA_RETURN_IF_ERROR(done);
    is_pending_ = false;
  }
  return DraftLogits{host_logits_.span().data(), stride, config_.draft_vocab_size};
}

absl::StatusOr<DraftLogits> CudaDraftNetwork::StartTrees(std::span<DraftContext* const> contexts) {
  CHIMERA_RETURN_IF_ERROR(cuda::SelectDevice(device_));
  trees_.Start(contexts);
  const int64_t count = trees_.tree_count();
  CHIMERA_RETURN_IF_ERROR(layers_->ReserveNodes(count, stream_));
  absl::StatusOr<DraftLogits> logits = EncodeAll(count, &CudaDraftNetwork::EncodeRoots);
  if (!logits.ok() || config_.depth_heads == 1) return logits;
  return EncodeAll(count * config_.depth_heads, &CudaDraftNetwork::ScoreHeads);
}

void CudaDraftNetwork::StagePadding(int row, int row_count) {
  const int order = config_.trigram_order;
  std::ranges::fill(
      tree_tables_->Stage(kTreeTokens, row_count).subspan(int64_t{row} * order, order), -1);
  for (const TreeColumn column : {kInputRows, kTreeKvSlots, kEncodingRows, kResidualRows}) {
    tree_tables_->Stage(column, row_count)[row] = -1;
  }
  tree_tables_->Stage(kTreePositions, row_count)[row] = 0;
  std::ranges::fill(tree_tables_->Stage(kAttention, row_count)
                        .subspan(int64_t{row} * kAttentionRowSize, kAttentionRowSize),
                    0);
}

TreeTables CudaDraftNetwork::ViewTreeTables(int row_count) const {
  const auto view = [&](TreeColumn column) { return tree_tables_->View(column, row_count); };
  return {.tokens = view(kTreeTokens),
          .input_rows = view(kInputRows),
          .positions = view(kTreePositions),
          .kv_slots = view(kTreeKvSlots),
          .encoding_rows = view(kEncodingRows),
          .residual_rows = view(kResidualRows),
          .attention = reinterpret_cast<const WindowAttentionRow*>(view(kAttention))};
}

void CudaDraftNetwork::StageTreeRow(const TreeRow& row, int index, int row_count) {
  const auto set = [&](TreeColumn column, int64_t value) {
    tree_tables_->Stage(column, row_count)[index] = static_cast<int32_t>(value);
  };
  set(kInputRows, row.input_row);
  set(kTreePositions, row.position);
  set(kTreeKvSlots, row.kv_slot);
  set(kEncodingRows, row.encoding_row);
  set(kResidualRows, int64_t{row.context->slot()} * config_.depth_heads);
  const std::span<int32_t> attention =
      tree_tables_->Stage(kAttention, row_count)
          .subspan(int64_t{index} * kAttentionRowSize, kAttentionRowSize);
  std::memcpy(attention.data(), &row.attention, sizeof(row.attention));
}

absl::Status CudaDraftNetwork::EncodeRoots(int64_t first, int count) {
  const int row_count = RowBucket(count);
  for (int i = 0; i < row_count; ++i) {
    StagePadding(i, row_count);
    if (i >= count) continue;
    const CudaDraftContext& context = trees_.context(first + i);
    StageTreeRow({.context = &context,
                  .input_row = context.slot(),
                  .position = context.window_end() - 1,
                  .kv_slot = -1,  // its key and value are in the window
                  .encoding_row = first + i,
                  .attention = context.Window()},
                 i, row_count);
  }
  CHIMERA_RETURN_IF_ERROR(tree_tables_->Send(row_count, stream_));
  return layers_->EncodeRoots(row_count, ViewTreeTables(row_count), stream_);
}

absl::Status CudaDraftNetwork::ScoreHeads(int64_t first, int count) {
  const int64_t heads = config_.depth_heads;
  const int row_count = RowBucket(count);
  const std::span<int32_t> encodings = head_tables_->Stage(kHeadEncodingRows, row_count);
  const std::span<int32_t> residuals = head_tables_->Stage(kHeadResidualRows, row_count);
  std::ranges::fill(encodings, -1);
  std::ranges::fill(residuals, -1);
  for (int i = 0; i < count; ++i) {
    const int64_t tree = (first + i) / heads;
    encodings[i] = static_cast<int32_t>(tree);
    residuals[i] = static_cast<int32_t>(trees_.context(tree).slot() * heads + (first + i) % heads);
  }
  CHIMERA_RETURN_IF_ERROR(head_tables_->Send(row_count, stream_));
  return layers_->ScoreHeads(row_count,
                             {.encoding_rows = head_tables_->View(kHeadEncodingRows, row_count),
                              .residual_rows = head_tables_->View(kHeadResidualRows, row_count)},
                             stream_);
}

WindowAttentionRow CudaDraftNetwork::AttentionOf(int32_t node) const {
  WindowAttentionRow row = trees_.context(trees_.node(node).tree).Window();
  for (; node >= 0; node = trees_.node(node).parent) {
    CHIMERA_CHECK(row.path_count < kMaxWindowAttentionPath) << "a tree is too deep";
    row.path[row.path_count++] = node;
  }
  std::reverse(row.path, row.path + row.path_count);
  return row;
}

absl::StatusOr<DraftLogits> CudaDraftNetwork::ExtendTrees(std::span<const DraftNode> nodes) {
  CHIMERA_CHECK(config_.depth_heads == 1);
  CHIMERA_RETURN_IF_ERROR(cuda::SelectDevice(device_));
  level_begin_ = trees_.Extend(nodes);
  CHIMERA_RETURN_IF_ERROR(
      layers_->ReserveNodes(trees_.tree_count() + trees_.node_count(), stream_));
  return EncodeAll(std::ssize(nodes), &CudaDraftNetwork::EncodeNodes);
}

absl::Status CudaDraftNetwork::EncodeNodes(int64_t first, int count) {
  const int row_count = RowBucket(count);
  // Encodings of roots come first.
  const int64_t roots = trees_.tree_count();
  for (int i = 0; i < row_count; ++i) {
    StagePadding(i, row_count);
    if (i >= count) continue;
    const auto index = static_cast<int32_t>(level_begin_ + first + i);
    const DraftNode& node = trees_.node(index);
    StageTokens(trees_.TrigramOf(index), config_.trigram_order, i,
                tree_tables_->Stage(kTreeTokens, row_count));
    StageTreeRow({.context = &trees_.context(node.tree),
                  .input_row = node.parent < 0 ? node.tree : roots + node.parent,
                  .position = trees_.PositionOf(index),
                  .kv_slot = index,
                  .encoding_row = roots + index,
                  .attention = AttentionOf(index)},
                 i, row_count);
  }
  CHIMERA_RETURN_IF_ERROR(tree_tables_->Send(row_count, stream_));
  return layers_->EncodeNodes(row_count, ViewTreeTables(row_count), stream_);
}

}  // namespace chimera
