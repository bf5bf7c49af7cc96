#include "drafter/network/trigram_encoder.h"

#include <algorithm>

namespace chimera {

TrigramEncoder::TrigramEncoder(const DraftNetworkConfig& config,
                               const TrigramEncoderWeights& weights, const TensorView& embedding,
                               BufferArena* arena, RowProducts* products)
    : config_(config),
      embedding_(embedding),
      products_(products),
      w1_({weights.w1}, products->pool(), arena),
      w2_({weights.w2}, products->pool(), arena),
      ones_(std::max(config.hidden_size, config.trigram_hidden_size), 1.0f),
      // No trigram ends without a token.
      cached_(kCachePlaces, Trigram{-1, -1, -1}),
      cached_outputs_(kCachePlaces * config.hidden_size) {}

int64_t TrigramEncoder::Place(const Trigram& trigram) const {
  uint64_t hash = 0;
  for (const int32_t token : trigram) {
    hash = (hash ^ static_cast<uint32_t>(token)) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  }
  return static_cast<int64_t>(hash % kCachePlaces);
}

void TrigramEncoder::Encode(std::span<const Trigram> trigrams, float* output) {
  const int64_t size = config_.hidden_size;
  misses_.clear();
  for (size_t i = 0; i < trigrams.size(); ++i) {
    const int64_t place = Place(trigrams[i]);
    if (cached_[place] == trigrams[i]) {
      std::copy_n(&cached_outputs_[place * size], size, output + i * size);
    } else {
      misses_.push_back(static_cast<int64_t>(i));
    }
  }
  if (misses_.empty()) return;
  EncodeMisses(trigrams);
  for (size_t miss = 0; miss < misses_.size(); ++miss) {
    const Trigram& trigram = trigrams[misses_[miss]];
    const int64_t place = Place(trigram);
    std::copy_n(&outputs_[miss * size], size, output + misses_[miss] * size);
    std::copy_n(&outputs_[miss * size], size, &cached_outputs_[place * size]);
    cached_[place] = trigram;
  }
}

void TrigramEncoder::EncodeMisses(std::span<const Trigram> trigrams) {
  const int64_t count = static_cast<int64_t>(misses_.size());
  const int64_t hidden_size = config_.trigram_hidden_size;
  float* const hidden = GrowTo(count * hidden_size, &hidden_);
  const auto embed = [&](int64_t row, float* input) {
    const Trigram& trigram = trigrams[misses_[row]];
    for (size_t i = trigram.size() - config_.trigram_order; i < trigram.size(); ++i) {
      WriteEmbedding(trigram[i], input);
      input += config_.hidden_size;
    }
  };
  products_->Multiply(w1_, count, embed, hidden);
  const auto activate = [&](int64_t row, float* input) {
    products_->kernels().silu_mul(hidden + row * hidden_size, ones_.data(), hidden_size, input);
  };
  products_->Multiply(w2_, count, activate, GrowTo(count * config_.hidden_size, &outputs_));
}

void TrigramEncoder::WriteEmbedding(int32_t token, float* output) const {
  const int64_t size = config_.hidden_size;
  if (token < 0) {
    std::fill_n(output, size, 0.0f);
    return;
  }
  Dequantize(embedding_.type, embedding_.row(token), std::span(output, size));
  products_->kernels().rms_norm(output, ones_.data(), size, config_.rms_norm_epsilon, output);
}

}  // namespace chimera
