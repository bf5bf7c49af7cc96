#include "common/cuda/kernels/fragment_gemm_reference.h"

#include "common/base/float16.h"
#include "common/cuda/kernels/fragment_weights.h"

namespace chimera {
namespace {

// Of one element over one split.
float PartialSum(const FragmentGemmArguments& gemm, int64_t row, int64_t feature, int split) {
  const int splits = FragmentGemmSplits(gemm.output_size, gemm.input_size);
  const int64_t begin = FragmentSplitBegin(split, splits, gemm.input_size);
  const int64_t end = FragmentSplitBegin(split + 1, splits, gemm.input_size);
  double sum = 0;
  for (int64_t k = begin * kFragmentSize; k < end * kFragmentSize; ++k) {
    const uint16_t weight = gemm.weights[FragmentWeightIndex(feature, k, gemm.input_size)];
    sum += double{Bf16ToFloat(weight)} * Bf16ToFloat(gemm.input[row * gemm.input_size + k]);
  }
  return static_cast<float>(sum);
}

}  // namespace

void FragmentGemmReference(const FragmentGemmArguments& gemm) {
  const int splits = FragmentGemmSplits(gemm.output_size, gemm.input_size);
  const int output_splits =
      FragmentGemmOutputSplits(gemm.row_count, gemm.output_size, gemm.input_size);
  for (int64_t row = 0; row < gemm.row_count; ++row) {
    for (int64_t feature = 0; feature < gemm.output_size; ++feature) {
      float total = 0;
      for (int split = 0; split < splits; ++split) {
        const float partial = PartialSum(gemm, row, feature, split);
        total += partial;
        const int64_t output_row = output_splits > 1 ? split * int64_t{gemm.row_count} + row : row;
        gemm.output[output_row * gemm.output_size + feature] = output_splits > 1 ? partial : total;
      }
    }
  }
}

}  // namespace chimera
