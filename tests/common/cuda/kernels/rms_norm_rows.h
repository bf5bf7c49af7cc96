// Rows to normalise, in memory of the host.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_RMS_NORM_ROWS_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_RMS_NORM_ROWS_H_

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "common/base/float16.h"
#include "common/cuda/kernels/rms_norm.h"

namespace chimera::testing {

// Vectors are aligned as kernels ask of their pointers.
static_assert(__STDCPP_DEFAULT_NEW_ALIGNMENT__ >= 16);

// The operands and results of one normalisation. Residual: as for RmsNormArguments.
template <typename Residual>
struct RmsNormRows {
  int row_count = 1;
  int size = 64;
  int split_count = 1;
  std::vector<float> partials;
  std::vector<Residual> residual;
  std::vector<float> weight;
  std::vector<uint16_t> output;

  // Valid as long as the vectors are.
  RmsNormArguments<Residual> Arguments() {
    return {row_count,       size,          split_count,  1e-5f, partials.data(),
            residual.data(), weight.data(), output.data()};
  }

  // Bit for bit: floats are compared as numbers, of which none is NaN or -0 here.
  bool operator==(const RmsNormRows&) const = default;
};

inline void SetElement(float value, float* element) { *element = value; }
inline void SetElement(float value, uint16_t* element) { *element = FloatToBf16(value); }

// Random operands of the magnitudes that models have. One element of each row is so large that the
// squares of others vanish beside it, as it happens in models, too: which of them do depends on the
// order of the sum, and shows in bf16, which hides most of what rounding does to fp32.
template <typename Residual>
RmsNormRows<Residual> RandomRows(int row_count, int size, int split_count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  RmsNormRows<Residual> rows = {row_count, size, split_count, {}, {}, {}, {}};
  const size_t elements = static_cast<size_t>(row_count) * size;
  rows.partials.resize(split_count * elements);
  rows.residual.resize(elements);
  rows.weight.resize(size);
  rows.output.resize(elements);
  for (float& x : rows.partials) x = normal(random);
  for (Residual& x : rows.residual) SetElement(4 * normal(random), &x);
  for (int row = 0; row < row_count; ++row) {
    SetElement(16384, &rows.residual[int64_t{row} * size + 37 * row % size]);
  }
  for (float& x : rows.weight) x = 1 + 0.2f * normal(random);
  return rows;
}

// The rows named by `selected`, in this order, with their operands and results.
template <typename Residual>
RmsNormRows<Residual> SelectRows(const RmsNormRows<Residual>& all,
                                 const std::vector<int>& selected) {
  RmsNormRows<Residual> rows = all;
  rows.row_count = static_cast<int>(selected.size());
  const auto select = [&](const auto& from, int matrix, auto* to) {
    for (const int row : selected) {
      const auto begin = from.begin() + (int64_t{matrix} * all.row_count + row) * all.size;
      to->insert(to->end(), begin, begin + all.size);
    }
  };
  rows.partials.clear();
  rows.residual.clear();
  rows.output.clear();
  for (int split = 0; split < all.split_count; ++split) select(all.partials, split, &rows.partials);
  select(all.residual, 0, &rows.residual);
  select(all.output, 0, &rows.output);
  return rows;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_RMS_NORM_ROWS_H_
