#include "tools/gpu_bench/random_weights.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <span>

#include "common/base/check.h"
#include "common/base/float16.h"

namespace chimera {
namespace {

// After so many elements they repeat themselves: a prime, so that no two rows of a matrix are
// equal.
constexpr size_t kPeriod = 1048573;

// How far the beginnings of tensors lie apart, and how many there are.
constexpr size_t kShift = 4096 + 64;
constexpr size_t kShifts = 61;

}  // namespace

std::vector<uint16_t> RandomBf16(size_t count, float limit) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-limit, limit);
  std::vector<uint16_t> elements(count);
  const size_t drawn = std::min(count, kPeriod);
  for (size_t i = 0; i < drawn; ++i) elements[i] = FloatToBf16(uniform(random));
  for (size_t i = drawn; i < count; i += drawn) {
    std::copy_n(elements.begin(), std::min(drawn, count - i),
                elements.begin() + static_cast<int64_t>(i));
  }
  return elements;
}

RandomWeights::RandomWeights(const LlamaConfig& config) {
  const int64_t most_rows = std::max<int64_t>(
      {config.vocab_size, config.ffn_size, config.query_size(), config.hidden_size});
  const int64_t most_columns =
      std::max<int64_t>({config.hidden_size, config.query_size(), config.ffn_size});
  const int64_t largest =
      std::max({most_rows * config.hidden_size, most_columns * config.hidden_size});
  // Products of normalised rows have a variance of 1 then.
  const float limit = std::sqrt(3.0f / static_cast<float>(config.hidden_size));
  block_ = RandomBf16(static_cast<size_t>(largest) + kShift * kShifts, limit);
  ones_.assign(config.hidden_size, FloatToBf16(1.0f));

  weights_.token_embedding = Matrix(config.vocab_size, config.hidden_size);
  for (int32_t i = 0; i < config.layer_count; ++i) {
    weights_.layers.push_back({.attention_norm = Norm(config.hidden_size),
                               .query = Matrix(config.query_size(), config.hidden_size),
                               .key = Matrix(config.kv_size(), config.hidden_size),
                               .value = Matrix(config.kv_size(), config.hidden_size),
                               .attention_output = Matrix(config.hidden_size, config.query_size()),
                               .ffn_norm = Norm(config.hidden_size),
                               .ffn_gate = Matrix(config.ffn_size, config.hidden_size),
                               .ffn_up = Matrix(config.ffn_size, config.hidden_size),
                               .ffn_down = Matrix(config.hidden_size, config.ffn_size)});
  }
  weights_.output_norm = Norm(config.hidden_size);
  weights_.output = config.tied_embedding ? weights_.token_embedding
                                          : Matrix(config.vocab_size, config.hidden_size);
}

TensorView RandomWeights::Matrix(int64_t rows, int64_t columns) {
  const size_t begin = next_begin_;
  next_begin_ = (next_begin_ + kShift) % (kShift * kShifts);
  const std::span<const uint16_t> elements =
      std::span(block_).subspan(begin, static_cast<size_t>(rows * columns));
  return {
      .type = DataType::kBf16, .rows = rows, .columns = columns, .bytes = std::as_bytes(elements)};
}

TensorView RandomWeights::Norm(int64_t size) const {
  CHIMERA_CHECK(size == static_cast<int64_t>(ones_.size()));
  return {.type = DataType::kBf16,
          .rows = 1,
          .columns = size,
          .bytes = std::as_bytes(std::span(ones_))};
}

}  // namespace chimera
