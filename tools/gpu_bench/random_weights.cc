#include "tools/gpu_bench/random_weights.h"

#include <algorithm>
#include <cstdint>

namespace chimera {
namespace {

int64_t MostElements(const LlamaConfig& config) {
  const int64_t most_rows = std::max<int64_t>(
      {config.vocab_size, config.ffn_size, config.query_size(), config.hidden_size});
  return most_rows * config.hidden_size;
}

}  // namespace

RandomWeights::RandomWeights(const LlamaConfig& config)
    : tensors_(config.hidden_size, MostElements(config), config.hidden_size) {
  const int64_t size = config.hidden_size;
  const TensorView norm = tensors_.Norms(1, size);
  weights_.token_embedding = tensors_.Matrix(config.vocab_size, size);
  for (int32_t i = 0; i < config.layer_count; ++i) {
    weights_.layers.push_back({.attention_norm = norm,
                               .query = tensors_.Matrix(config.query_size(), size),
                               .key = tensors_.Matrix(config.kv_size(), size),
                               .value = tensors_.Matrix(config.kv_size(), size),
                               .attention_output = tensors_.Matrix(size, config.query_size()),
                               .ffn_norm = norm,
                               .ffn_gate = tensors_.Matrix(config.ffn_size, size),
                               .ffn_up = tensors_.Matrix(config.ffn_size, size),
                               .ffn_down = tensors_.Matrix(size, config.ffn_size)});
  }
  weights_.output_norm = norm;
  weights_.output =
      config.tied_embedding ? weights_.token_embedding : tensors_.Matrix(config.vocab_size, size);
}

}  // namespace chimera
