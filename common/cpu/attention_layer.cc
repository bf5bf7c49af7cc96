#include "common/cpu/attention_layer.h"

#include <algorithm>
#include <cstddef>
#include <span>

#include "common/base/grow_to.h"
#include "common/ops/linear.h"

namespace chimera {

static_assert(kKvPagePositions == kPagePositions);

AttentionLayer::AttentionLayer(const LlamaConfig& config, int64_t position_limit,
                               const CpuKernels& kernels, ThreadPool* pool)
    : config_(config),
      kernels_(kernels),
      pool_(pool),
      rope_(position_limit, config.head_dim, config.rope_base),
      scratch_(pool->thread_count()) {
  for (Scratch& scratch : scratch_) scratch.key.resize(config.head_dim);
}

void AttentionLayer::StoreKeyValue(const StagedStep& step, int64_t index, int layer,
                                   float* query_key_value, KvCache* cache, int thread) {
  const StagedRow& row = step.rows[index];
  const SequenceStep& sequence = step.sequence_of(row);
  float* key = query_key_value + config_.query_size();
  const float* value = key + config_.kv_size();
  kernels_.rope(rope_.cosines(row.position).data(), rope_.signed_sines(row.position).data(),
                config_.head_dim, config_.kv_head_count, key);

  const bool is_tree = sequence.tree != nullptr;
  const KvCache::Block block =
      is_tree ? cache->Scratch(layer, sequence.slot)
              : cache->Page(layer, sequence.pages[row.position / kPagePositions]);
  const int64_t place = is_tree ? row.node : row.position % kPagePositions;
  for (int head = 0; head < config_.kv_head_count; ++head) {
    const int64_t from = int64_t{head} * config_.head_dim;
    uint16_t* half_key = scratch_[thread].key.data();
    kernels_.to_half(key + from, config_.head_dim, half_key);
    cache->PutKey(block, head, place, half_key);
    kernels_.to_half(value + from, config_.head_dim,
                     block.values + head * block.head_stride + place * config_.head_dim);
  }
}

void AttentionLayer::Plan(const StagedStep& step) {
  const int64_t group = config_.query_head_count / config_.kv_head_count;
  const auto item_count = [&] {
    return static_cast<int64_t>(ranges_.size()) * config_.kv_head_count;
  };
  ListRanges(step, AttentionRowsAtOnce(group));
  if (item_count() < 2 * pool_->thread_count()) ListRanges(step, 1);
  heads_at_once_ = item_count() < pool_->thread_count() ? 1 : group;
}

void AttentionLayer::ListRanges(const StagedStep& step, int64_t most_rows) {
  ranges_.clear();
  int32_t sequence = -1;
  int64_t positions = 0;
  for (int64_t row = 0; row < static_cast<int64_t>(step.rows.size()); ++row) {
    const StagedRow& staged = step.rows[row];
    if (staged.sequence != sequence || ranges_.back().count == most_rows) {
      ranges_.push_back({.begin = row, .positions_before = positions});
      sequence = staged.sequence;
    }
    ++ranges_.back().count;
    ranges_.back().positions += staged.position + 1;
    positions += staged.position + 1;
  }
}

void AttentionLayer::Attend(const StagedStep& step, int layer, const KvCache& cache, bool quantizes,
                            float* query_key_value, Activations* output) {
  const bool heads_are_blocks = config_.head_dim % kQuantBlock == 0;
  const Pass pass = {.step = step,
                     .layer = layer,
                     .cache = cache,
                     .query_key_value = query_key_value,
                     .output = output,
                     .quantizes = quantizes && heads_are_blocks};
  pool_->ParallelFor(pool_->thread_count(), [&](int64_t begin, int64_t end, int thread) {
    for (int64_t share = begin; share < end; ++share) {
      AttendShare(pass, static_cast<int>(share), &scratch_[thread]);
    }
  });
  if (!quantizes || heads_are_blocks) return;
  ForEachRow(pool_, output->row_count(), config_.query_size(),
             [&](int64_t row, int) { output->QuantizeRow(kernels_, row); });
}

void AttentionLayer::AttendShare(const Pass& pass, int share, Scratch* scratch) const {
  if (ranges_.empty()) return;
  const int64_t part_count = config_.query_head_count / heads_at_once_;
  const int64_t positions = ranges_.back().positions_before + ranges_.back().positions;
  // Head by head, so that a thread finds most keys and values where it left them.
  for (int64_t part = 0; part < part_count; ++part) {
    int32_t last_sequence = -1;
    for (const RowRange& range : ranges_) {
      const int64_t middle = part * positions + range.positions_before + range.positions / 2;
      if (middle * pool_->thread_count() / (part_count * positions) != share) continue;
      const int32_t sequence = pass.step.rows[range.begin].sequence;
      const bool is_cold = sequence != last_sequence;
      last_sequence = sequence;
      AttendRange(pass, range, {.begin = part * heads_at_once_, .count = heads_at_once_}, is_cold,
                  scratch);
    }
  }
}

void AttentionLayer::AttendRange(const Pass& pass, const RowRange& range, const HeadRange& heads,
                                 bool is_cold, Scratch* scratch) const {
  const int64_t kv_head = heads.begin / (config_.query_head_count / config_.kv_head_count);
  ListPages(pass, range, kv_head, scratch);
  const int64_t stride = config_.query_size() + 2 * config_.kv_size();
  const int64_t offset = heads.begin * config_.head_dim;
  for (int64_t i = 0; i < range.count; ++i) {
    const StagedRow& row = pass.step.rows[range.begin + i];
    float* const queries = pass.query_key_value + (range.begin + i) * stride + offset;
    kernels_.rope(rope_.cosines(row.position).data(), rope_.signed_sines(row.position).data(),
                  config_.head_dim, heads.count, queries);
    scratch->rows[i].queries = queries;
    scratch->rows[i].output = pass.output->row(range.begin + i) + offset;
  }
  kernels_.attention({.rows = scratch->rows.data(),
                      .row_count = range.count,
                      .head_count = heads.count,
                      .head_dim = config_.head_dim,
                      .pages = scratch->pages.data(),
                      .is_cold = is_cold,
                      .weights = scratch->weights.data()});
  if (!pass.quantizes) return;
  for (int64_t i = 0; i < range.count; ++i) {
    pass.output->QuantizeValues(kernels_, range.begin + i, offset, heads.count * config_.head_dim);
  }
}

void AttentionLayer::ListPages(const Pass& pass, const RowRange& range, int64_t kv_head,
                               Scratch* scratch) const {
  const std::span rows = std::span(pass.step.rows).subspan(range.begin, range.count);
  const SequenceStep& sequence = pass.step.sequence_of(rows.front());
  scratch->rows.resize(range.count);
  scratch->nodes.clear();
  int64_t most_paged = 0, most_positions = 0;
  for (int64_t i = 0; i < range.count; ++i) {
    AttentionRow& row = scratch->rows[i];
    const int64_t positions = int64_t{rows[i].position} + 1;
    const size_t nodes_before = scratch->nodes.size();
    if (sequence.tree != nullptr) ListNodes(pass, rows[i], kv_head, scratch);
    row.node_count = static_cast<int64_t>(scratch->nodes.size() - nodes_before);
    row.paged_count = positions - row.node_count;
    most_paged = std::max(most_paged, row.paged_count);
    most_positions = std::max(most_positions, positions);
  }
  const KvNode* nodes = scratch->nodes.data();
  for (AttentionRow& row : scratch->rows) {
    row.nodes = nodes;
    nodes += row.node_count;
  }
  scratch->pages.clear();
  for (int64_t position = 0; position < most_paged; position += kPagePositions) {
    const KvCache::Block page =
        pass.cache.Page(pass.layer, sequence.pages[position / kPagePositions]);
    const int64_t at = kv_head * page.head_stride;
    scratch->pages.push_back({.keys = page.keys + at, .values = page.values + at});
  }
  GrowTo(AttentionScratchSize(most_positions), &scratch->weights);
}

void AttentionLayer::ListNodes(const Pass& pass, const StagedRow& row, int64_t kv_head,
                               Scratch* scratch) const {
  const SequenceStep& sequence = pass.step.sequence_of(row);
  const KvCache::Block nodes = pass.cache.Scratch(pass.layer, sequence.slot);
  const auto first = static_cast<std::ptrdiff_t>(scratch->nodes.size());
  for (int node = row.node; node >= 0; node = sequence.tree->parent(node)) {
    const int64_t at = kv_head * nodes.head_stride + int64_t{node} * config_.head_dim;
    scratch->nodes.push_back({.key = nodes.keys + at, .value = nodes.values + at});
  }
  std::reverse(scratch->nodes.begin() + first, scratch->nodes.end());
}

}  // namespace chimera
