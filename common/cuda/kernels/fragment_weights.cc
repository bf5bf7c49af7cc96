#include "common/cuda/kernels/fragment_weights.h"

#include "common/base/check.h"
#include "common/base/float16.h"

namespace chimera {
namespace {

constexpr int64_t kTileEdge = 16;
constexpr int64_t kTileElements = kTileEdge * kTileEdge;

uint16_t ToBf16(float value) { return FloatToBf16(value); }
uint16_t ToBf16(uint16_t bits) { return bits; }

template <typename Element>
void Pack(std::span<const Element> row, int64_t row_index, std::span<uint16_t> packed) {
  const auto columns = static_cast<int64_t>(row.size());
  const auto packed_size = static_cast<int64_t>(packed.size());
  CHIMERA_CHECK(columns > 0 && columns % kTileEdge == 0) << columns << " columns";
  CHIMERA_CHECK(packed_size % (kTileEdge * columns) == 0)
      << packed_size << " elements are no multiple of 16 rows of " << columns;
  CHIMERA_CHECK(row_index >= 0 && row_index < packed_size / columns)
      << "row " << row_index << " of " << packed_size / columns;
  // Within a row, 16 columns take the same places in each tile.
  for (int64_t i = 0; i < kTileEdge; ++i) {
    uint16_t* target = packed.data() + FragmentWeightIndex(row_index, i, columns);
    for (int64_t column = i; column < columns; column += kTileEdge) {
      *target = ToBf16(row[column]);
      target += kTileElements;
    }
  }
}

}  // namespace

void PackFragmentRow(std::span<const float> row, int64_t row_index, std::span<uint16_t> packed) {
  Pack(row, row_index, packed);
}

void PackFragmentRow(std::span<const uint16_t> row, int64_t row_index, std::span<uint16_t> packed) {
  Pack(row, row_index, packed);
}

}  // namespace chimera
