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
  int64_t columns = 0;  // a multiple of the type's block size
  std::span<const std::byte> bytes;

  // Bytes of one row. Its elements are consecutive blocks of the type.
  int64_t row_bytes() const { return columns / BlockElements(type) * BlockBytes(type); }
  std::span<const std::byte> row(int64_t index) const {
    return bytes.subspan(index * row_bytes(), row_bytes());
  }
};

// All elements as fp32, row after row.
inline std::vector<float> Widen(const TensorView& tensor) {
  std::vector<float> widened(tensor.rows * tensor.columns);
  Dequantize(tensor.type, tensor.bytes, widened);
  return widened;
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_TENSOR_VIEW_H_
