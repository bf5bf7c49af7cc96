#include "drafter/network/row_products.h"

#include "common/model/data_type.h"

namespace chimera {

std::vector<float> WidenNorm(const TensorView& norm) {
  std::vector<float> widened(norm.rows * norm.columns);
  Dequantize(norm.type, norm.bytes, widened);
  return widened;
}

}  // namespace chimera
