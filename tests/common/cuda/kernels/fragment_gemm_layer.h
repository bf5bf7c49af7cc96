// A linear layer with its input and output, in memory of the host.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_LAYER_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_LAYER_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "common/base/float16.h"
#include "common/cuda/kernels/fragment_gemm.h"
#include "common/cuda/kernels/fragment_weights.h"

namespace chimera::testing {

// Vectors are aligned as kernels ask of their pointers.
static_assert(__STDCPP_DEFAULT_NEW_ALIGNMENT__ >= 16);

struct LinearLayer {
  int output_size = kFragmentSize;
  int input_size = kFragmentSize;
  std::vector<uint16_t> weights;  // in fragment order

  int Splits() const { return FragmentGemmSplits(output_size, input_size); }
};

inline LinearLayer RandomLayer(int output_size, int input_size, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  LinearLayer layer = {output_size, input_size, {}};
  layer.weights.resize(static_cast<size_t>(output_size) * input_size);
  std::vector<float> row(input_size);
  for (int i = 0; i < output_size; ++i) {
    for (float& x : row) x = 0.05f * normal(random);
    PackFragmentRow(row, i, layer.weights);
  }
  return layer;
}

// Rows of bf16 [row_count, input_size]. Some elements of each are large, as in models: beside them,
// others lose bits, and which do depends on the order of the sum.
inline std::vector<uint16_t> RandomInput(int row_count, int input_size, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<uint16_t> input(static_cast<size_t>(row_count) * input_size);
  for (uint16_t& x : input) {
    const float value = normal(random);
    x = FloatToBf16(random() % 32 == 0 ? 100 * value : value);
  }
  return input;
}

// The rows of `matrix` [*, size] named by `selected`, in this order.
template <typename Element>
std::vector<Element> SelectRows(const std::vector<Element>& matrix, int64_t size,
                                const std::vector<int>& selected) {
  std::vector<Element> rows;
  for (const int row : selected) {
    const auto begin = matrix.begin() + row * size;
    rows.insert(rows.end(), begin, begin + size);
  }
  return rows;
}

// What a consumer makes of `split_count` partial sums [split_count, row_count, size].
inline std::vector<float> AddSplits(const std::vector<float>& partials, int split_count) {
  std::vector<float> sums(partials.size() / split_count);
  for (size_t i = 0; i < partials.size(); ++i) sums[i % sums.size()] += partials[i];
  return sums;
}

// Nor are they NaN, which an element is that was not written, or was made of what had not arrived.
inline bool BitsAreEqual(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0 &&
         std::ranges::none_of(a, [](float x) { return std::isnan(x); });
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_LAYER_H_
