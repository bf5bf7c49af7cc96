#include "common/cuda/kernels/add_norm_reference.h"

#include <cmath>
#include <vector>

#include "common/base/float16.h"

namespace chimera {
namespace {

// The row of a matrix that goes with row `row`; null if none does.
template <typename Element>
Element* RowOf(const MatrixRows<Element>& rows, int64_t row, int64_t size) {
  if (rows.matrix == nullptr) return nullptr;
  if (rows.rows != nullptr) row = rows.rows[row];
  return row < 0 ? nullptr : rows.matrix + row * size;
}

void Add(const float* row, std::vector<float>* x) {
  for (size_t i = 0; row != nullptr && i < x->size(); ++i) (*x)[i] += row[i];
}

}  // namespace

void AddNormKernelReference(const AddNormArguments& arguments) {
  const int64_t size = arguments.size;
  for (int64_t row = 0; row < arguments.row_count; ++row) {
    std::vector<float> x(size, 0.0f);
    for (int64_t split = 0; split < arguments.split_count; ++split) {
      Add(arguments.partials + (split * arguments.row_count + row) * size, &x);
    }
    Add(RowOf(arguments.addend, row, size), &x);
    float* const sum = RowOf(arguments.sum, row, size);
    for (int64_t i = 0; sum != nullptr && i < size; ++i) sum[i] = x[i];
    Add(RowOf(arguments.residual, row, size), &x);

    double squares = 0;
    for (const float value : x) squares += double{value} * value;
    const double scale = 1 / std::sqrt(squares / static_cast<double>(size) + arguments.epsilon);
    for (int64_t i = 0; i < size; ++i) {
      arguments.output[row * arguments.output_stride + i] =
          FloatToBf16(static_cast<float>(x[i] * scale * arguments.weight[i]));
    }
  }
}

}  // namespace chimera
