#include "common/cpu/activations.h"

#include "common/base/grow_to.h"
#include "common/ops/linear.h"

namespace chimera {

void Activations::Reset(int64_t row_count, int64_t size) {
  row_count_ = row_count;
  size_ = size;
  const int64_t panels = (row_count + kPanelRows - 1) / kPanelRows;
  const int64_t blocks = panels * kPanelRows * (size / kQuantBlock);
  GrowTo(row_count * size, &floats_);
  GrowTo(blocks * kQuantBlock, &values_);
  GrowTo(blocks, &scales_);
  GrowTo(blocks, &scaled_sums_);
  GrowTo(blocks, &sums_);
}

void Activations::QuantizeValues(const CpuKernels& kernels, int64_t index, int64_t first,
                                 int64_t count) {
  const int64_t panel_blocks = kPanelRows * (size_ / kQuantBlock);
  const int64_t at =
      index / kPanelRows * panel_blocks + kPanelRows * (first / kQuantBlock) + index % kPanelRows;
  kernels.quantize_row(row(index) + first, count,
                       {.values = values_.data() + at * kQuantBlock,
                        .scales = scales_.data() + at,
                        .scaled_sums = scaled_sums_.data() + at,
                        .sums = sums_.data() + at});
}

ActivationView Activations::View() const {
  return {.row_count = row_count_,
          .size = size_,
          .floats = floats_.data(),
          .values = values_.data(),
          .scales = scales_.data(),
          .scaled_sums = scaled_sums_.data(),
          .sums = sums_.data()};
}

}  // namespace chimera
