#include "common/cpu/attention_layer.h"

#include <algorithm>

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
                config_.head_dim, config_.query_head_count + config_.kv_head_count,
                query_key_value);

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

int64_t AttentionLayer::ListPositions(const StagedStep& step, const StagedRow& row, int layer,
                                      int64_t kv_head, const KvCache& cache,
                                      Scratch* scratch) const {
  const SequenceStep& sequence = step.sequence_of(row);
  const bool is_tree = sequence.tree != nullptr;
  const int32_t paged = is_tree ? sequence.context_length : row.position + 1;
  scratch->pages.clear();
  for (int32_t position = 0; position < paged; position += kPagePositions) {
    const KvCache::Block page = cache.Page(layer, sequence.pages[position / kPagePositions]);
    const int64_t at = kv_head * page.head_stride;
    scratch->pages.push_back({.keys = page.keys + at, .values = page.values + at});
  }
  scratch->nodes.clear();
  if (!is_tree) return paged;
  const KvCache::Block nodes = cache.Scratch(layer, sequence.slot);
  for (int node = row.node; node >= 0; node = sequence.tree->parent(node)) {
    const int64_t at = kv_head * nodes.head_stride + int64_t{node} * config_.head_dim;
    scratch->nodes.push_back({.key = nodes.keys + at, .value = nodes.values + at});
  }
  std::reverse(scratch->nodes.begin(), scratch->nodes.end());
  return paged;
}

bool AttentionLayer::IsFirstToRead(const StagedStep& step, int64_t row) const {
  const int64_t earlier = row - pool_->thread_count();
  return earlier < 0 || step.rows[earlier].sequence != step.rows[row].sequence;
}

void AttentionLayer::Attend(const StagedStep& step, int layer, const float* query_key_value,
                            const KvCache& cache, Activations* output) {
  const int64_t row_count = static_cast<int64_t>(step.rows.size());
  const int64_t group = config_.query_head_count / config_.kv_head_count;
  const int64_t threads = pool_->thread_count();
  // Heads of a group share the widening of keys and values, as long as there is work for everyone.
  const int64_t heads = row_count * config_.kv_head_count >= threads ? group : 1;
  const int64_t items_per_row = config_.query_head_count / heads;
  // Later rows have more positions, so the threads take turns.
  pool_->ParallelFor(threads, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t turn = begin; turn < end; ++turn) {
      for (int64_t item = turn; item < row_count * items_per_row; item += threads) {
        const HeadGroup part = {.layer = layer,
                                .row = item / items_per_row,
                                .first_head = item % items_per_row * heads,
                                .head_count = heads};
        AttendGroup(step, part, query_key_value, cache, &scratch_[thread], output);
      }
    }
  });
}

void AttentionLayer::AttendGroup(const StagedStep& step, const HeadGroup& part,
                                 const float* query_key_value, const KvCache& cache,
                                 Scratch* scratch, Activations* output) const {
  const StagedRow& row = step.rows[part.row];
  const int64_t kv_head = part.first_head / (config_.query_head_count / config_.kv_head_count);
  const int64_t paged = ListPositions(step, row, part.layer, kv_head, cache, scratch);
  const int64_t positions = int64_t{row.position} + 1;
  const size_t weights = part.head_count * PaddedPositions(positions);
  if (scratch->weights.size() < weights) scratch->weights.resize(weights);
  const int64_t stride = config_.query_size() + 2 * config_.kv_size();
  const int64_t offset = part.first_head * config_.head_dim;
  kernels_.attention({.queries = query_key_value + part.row * stride + offset,
                      .head_count = part.head_count,
                      .head_dim = config_.head_dim,
                      .pages = scratch->pages.data(),
                      .paged_count = paged,
                      .nodes = scratch->nodes.data(),
                      .node_count = static_cast<int64_t>(scratch->nodes.size()),
                      .is_cold = IsFirstToRead(step, part.row),
                      .weights = scratch->weights.data(),
                      .output = output->row(part.row) + offset});
}

}  // namespace chimera
