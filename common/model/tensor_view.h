// A read-only, non-owning view of a tensor in a model file.

#ifndef CHIMERA_COMMON_MODEL_TENSOR_VIEW_H_
#define CHIMERA_COMMON_MODEL_TENSOR_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/model/data_type.h"

namespace chimera {

// `rows` vectors of `columns` elements, each row contiguous. A weight of a linear layer has one row
// per output feature and one column per input; a norm has one row. The bytes belong to the mapped
// file, which must outlive the view.
struct TensorView {
  DataType type = DataType::kF32;
  int64_t rows = 0;
  int64_t columns = 0;               // a multiple of the type's block size
  std::span<const std::byte> bytes;  // the rows in the file's order, which row() knows
  // 0: the file has the rows in order. Else the width of a head, even, which divides `rows`: of
  // each head the file has first the rows of even index, then those of odd index. So Hugging Face
  // keeps queries and keys, for a RoPE that rotates one half of a head against the other.
  int64_t split_head_dim = 0;

  // Bytes of one row. Its elements are consecutive blocks of the type.
  int64_t row_bytes() const { return columns / BlockElements(type) * BlockBytes(type); }
  std::span<const std::byte> row(int64_t index) const {
    return bytes.subspan(FileRow(index) * row_bytes(), row_bytes());
  }

  // Where row `index` is among the rows of the file.
  int64_t FileRow(int64_t index) const {
    if (split_head_dim == 0) return index;
    const int64_t in_head = index % split_head_dim;
    return index - in_head + in_head % 2 * (split_head_dim / 2) + in_head / 2;
  }
};

// All elements as fp32, row after row.
inline std::vector<float> Widen(const TensorView& tensor) {
  std::vector<float> widened(tensor.rows * tensor.columns);
  for (int64_t i = 0; i < tensor.rows; ++i) {
    Dequantize(tensor.type, tensor.row(i),
               std::span(widened).subspan(i * tensor.columns, tensor.columns));
  }
  return widened;
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_TENSOR_VIEW_H_
