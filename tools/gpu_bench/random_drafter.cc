#include "tools/gpu_bench/random_drafter.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

namespace chimera {
namespace {

int64_t MostElements(const DraftNetworkConfig& config, int32_t vocab_size) {
  const int64_t size = config.hidden_size;
  const auto taps = static_cast<int64_t>(config.tapped_layers.size());
  return size * std::max({int64_t{vocab_size}, int64_t{config.draft_vocab_size}, taps * size,
                          int64_t{config.trigram_hidden_size} * config.trigram_order, 2 * size,
                          int64_t{config.query_size()}, int64_t{config.ffn_size}});
}

}  // namespace

DraftNetworkConfig DefaultDrafter(const LlamaConfig& target) {
  const std::set<int32_t> taps = {target.layer_count / 10, target.layer_count / 2,
                                  target.layer_count};
  DraftNetworkConfig config;
  config.name = "random";
  config.hidden_size = target.hidden_size;
  config.query_head_count = target.query_head_count;
  config.kv_head_count = target.kv_head_count;
  config.head_dim = target.head_dim;
  config.ffn_size = (target.hidden_size * 8 / 3 + 31) / 32 * 32;
  config.rope_base = target.rope_base;
  config.trigram_hidden_size = 2 * target.hidden_size;
  config.tapped_layers.assign(taps.begin(), taps.end());
  config.draft_vocab_size = std::min(12288, target.vocab_size);
  config.context_window = 512;
  return config;
}

int64_t DraftLevelWeightBytes(const DraftNetworkConfig& config) {
  const int64_t size = config.hidden_size;
  const int64_t trigrams = int64_t{config.trigram_hidden_size} * (config.trigram_order + 1);
  const int64_t attention = 2 * (int64_t{config.query_size()} + config.kv_size());
  return 2 * size *
         (trigrams + 2 * size + attention + int64_t{3} * config.ffn_size + config.draft_vocab_size);
}

int64_t DraftWeightBytes(const DraftNetworkConfig& config, int32_t vocab_size) {
  const int64_t size = config.hidden_size;
  const int64_t square_matrices =
      static_cast<int64_t>(config.tapped_layers.size()) + config.depth_heads;
  return DraftLevelWeightBytes(config) + 2 * size * (vocab_size + square_matrices * size);
}

RandomDrafter::RandomDrafter(const LlamaConfig& target)
    : config_(DefaultDrafter(target)),
      tensors_(config_.hidden_size, MostElements(config_, target.vocab_size),
               static_cast<int64_t>(config_.tapped_layers.size()) * config_.hidden_size) {
  const int64_t size = config_.hidden_size;
  const auto taps = static_cast<int64_t>(config_.tapped_layers.size());
  const TensorView norm = tensors_.Norms(1, size);
  const auto matrix = [&](int64_t rows, int64_t columns) { return tensors_.Matrix(rows, columns); };
  embedding_ = matrix(target.vocab_size, size);
  weights_.trigram_encoder = {
      .w1 = matrix(config_.trigram_hidden_size, config_.trigram_order * size),
      .w2 = matrix(size, config_.trigram_hidden_size)};
  weights_.feature_fusion = {.norms = tensors_.Norms(taps, size),
                             .weight = matrix(size, taps * size)};
  weights_.context_encoder = {.token_norm = norm,
                              .feature_norm = norm,
                              .input = matrix(size, 2 * size),
                              .attention_norm = norm,
                              .query = matrix(config_.query_size(), size),
                              .key = matrix(config_.kv_size(), size),
                              .value = matrix(config_.kv_size(), size),
                              .attention_output = matrix(size, config_.query_size()),
                              .ffn_norm = norm,
                              .ffn_gate = matrix(config_.ffn_size, size),
                              .ffn_up = matrix(config_.ffn_size, size),
                              .ffn_down = matrix(size, config_.ffn_size)};
  std::vector<int32_t> vocabulary(config_.draft_vocab_size);
  std::iota(vocabulary.begin(), vocabulary.end(), 0);
  weights_.residual_head = {.weight = matrix(config_.depth_heads * size, size),
                            .norm = norm,
                            .embedding = matrix(config_.draft_vocab_size, size),
                            .vocabulary = std::move(vocabulary)};
}

}  // namespace chimera
