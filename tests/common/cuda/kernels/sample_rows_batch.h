// Rows to choose tokens for, in memory of the host, and what SampleReference() chooses.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_SAMPLE_ROWS_BATCH_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_SAMPLE_ROWS_BATCH_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "common/cuda/kernels/sample_rows.h"
#include "common/sampling/shared_noise_reference.h"
#include "tests/testing/special_values.h"

namespace chimera::testing {

// Vectors are aligned as kernels ask of their pointers.
static_assert(__STDCPP_DEFAULT_NEW_ALIGNMENT__ >= 16);

struct SampledRow {
  SamplingRow sampling;
  std::vector<float> partials;  // [split, vocab_size]
};

// Rows of one vocabulary and number of splits.
struct SampleRowsBatch {
  int vocab_size = 1;
  int split_count = 1;
  std::vector<SampledRow> rows;
};

// Logits as their bits, of NaN as those of one NaN.
struct SampleRowsResult {
  std::vector<uint32_t> logits;  // [row, vocab_size]
  std::vector<int32_t> tokens;   // [row]

  bool operator==(const SampleRowsResult&) const = default;
};

inline std::vector<uint32_t> LogitBits(const std::vector<float>& logits) {
  std::vector<uint32_t> bits(logits.size());
  std::ranges::transform(logits, bits.begin(),
                         [](float x) { return std::bit_cast<uint32_t>(std::isnan(x) ? kNan : x); });
  return bits;
}

inline std::vector<float> SumOfSplits(const SampledRow& row, int vocab_size) {
  std::vector<float> logits(vocab_size, 0.0f);
  for (size_t i = 0; i < row.partials.size(); ++i) logits[i % vocab_size] += row.partials[i];
  return logits;
}

inline SampleRowsResult ExpectedResult(const SampleRowsBatch& batch) {
  SampleRowsResult result;
  for (const SampledRow& row : batch.rows) {
    const std::vector<float> logits = SumOfSplits(row, batch.vocab_size);
    const std::vector<uint32_t> bits = LogitBits(logits);
    result.logits.insert(result.logits.end(), bits.begin(), bits.end());
    result.tokens.push_back(SampleReference(logits, row.sampling.params, row.sampling.position));
  }
  return result;
}

// [split_count, row_count, vocab_size], as kernels want them.
inline std::vector<float> PartialsOf(const SampleRowsBatch& batch) {
  std::vector<float> partials;
  for (int split = 0; split < batch.split_count; ++split) {
    for (const SampledRow& row : batch.rows) {
      const auto begin = row.partials.begin() + int64_t{split} * batch.vocab_size;
      partials.insert(partials.end(), begin, begin + batch.vocab_size);
    }
  }
  return partials;
}

// The rows named by `selected`, in this order.
inline SampleRowsBatch SelectRows(const SampleRowsBatch& all, const std::vector<int>& selected) {
  SampleRowsBatch batch = {all.vocab_size, all.split_count, {}};
  for (const int row : selected) batch.rows.push_back(all.rows[row]);
  return batch;
}

inline SampleRowsResult SelectRows(const SampleRowsResult& all, int vocab_size,
                                   const std::vector<int>& selected) {
  SampleRowsResult result;
  for (const int row : selected) {
    const auto begin = all.logits.begin() + int64_t{row} * vocab_size;
    result.logits.insert(result.logits.end(), begin, begin + vocab_size);
    result.tokens.push_back(all.tokens[row]);
  }
  return result;
}

// Any parameters that are valid, filters in every combination.
inline SamplingParams RandomParams(int vocab_size, std::mt19937_64* random) {
  const auto draw = [&](auto... values) {
    return std::array{values...}[(*random)() % sizeof...(values)];
  };
  SamplingParams params = {.temperature = draw(0.0f, 1e-4f, 0.3f, 0.7f, 1.0f, 1.7f, 100.0f),
                           .seed = (*random)()};
  if ((*random)() % 2 == 0) params.top_k = static_cast<int32_t>((*random)() % (vocab_size + 9));
  if ((*random)() % 3 == 0) params.top_k = draw(1, 2, 7, 50);
  if ((*random)() % 3 == 0) params.min_p = draw(1e-30f, 1e-7f, 0.01f, 1.0f);
  if ((*random)() % 2 == 0) params.top_p = draw(1e-30f, 0.5f, 0.9f, 0.95f, 0.9999f);
  return params;
}

// Logits of many magnitudes; some rows have ties, NaN and infinities.
inline std::vector<float> RandomLogits(size_t count, std::mt19937_64* random) {
  const auto draw = [&](auto... values) {
    return std::array{values...}[(*random)() % sizeof...(values)];
  };
  std::normal_distribution<float> normal;
  std::vector<float> logits(count);
  const float spread = draw(0.0f, 0.5f, 3.0f, 3.0f, 12.0f, 1e6f, 1e30f);
  const float offset = draw(0.0f, 0.0f, -20.0f, 1e5f, 4e8f);
  for (float& logit : logits) logit = offset + spread * normal(*random);
  if (draw(0, 1, 2) == 0) {
    for (float& logit : logits) logit = std::round(logit);
  }
  if (draw(0, 1, 2, 3) == 0) logits[(*random)() % count] = kNan;
  if (draw(0, 1, 2, 3) == 0) logits[(*random)() % count] = -kInfinity;
  if (draw(0, 1, 2, 3, 4, 5, 6, 7) == 0) logits[(*random)() % count] = kInfinity;
  return logits;
}

inline SampleRowsBatch RandomBatch(int row_count, int vocab_size, int split_count, uint64_t seed) {
  std::mt19937_64 random(seed);
  SampleRowsBatch batch = {vocab_size, split_count, {}};
  for (int i = 0; i < row_count; ++i) {
    const auto position = static_cast<int64_t>(random() >> (1 + random() % 62));
    batch.rows.push_back({{RandomParams(vocab_size, &random), position},
                          RandomLogits(size_t(vocab_size) * split_count, &random)});
  }
  return batch;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_SAMPLE_ROWS_BATCH_H_
