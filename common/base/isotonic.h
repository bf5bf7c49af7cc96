// Isotonic regression in one dimension.

#ifndef CHIMERA_COMMON_BASE_ISOTONIC_H_
#define CHIMERA_COMMON_BASE_ISOTONIC_H_

#include <cstddef>
#include <span>

#include "absl/container/inlined_vector.h"
#include "common/base/check.h"

namespace chimera {

// Replaces `values` by the sequence that never falls and is nearest to them in the least squares
// that `weights` weigh: neighbours that fall become their mean (pool adjacent violators). Allocates
// nothing for up to 16 values. REQUIRES: as many weights as values, all above 0.
template <typename T>
void MakeAscending(std::span<const T> weights, std::span<T> values) {
  CHIMERA_CHECK(weights.size() == values.size())
      << weights.size() << " weights, " << values.size() << " values";
  struct Block {
    T weight;
    T mean;
    size_t size;
  };
  absl::InlinedVector<Block, 16> blocks;
  for (size_t i = 0; i < values.size(); ++i) {
    blocks.push_back({weights[i], values[i], 1});
    while (blocks.size() > 1 && blocks[blocks.size() - 2].mean > blocks.back().mean) {
      const Block right = blocks.back();
      blocks.pop_back();
      Block& left = blocks.back();
      const T sum = left.weight + right.weight;
      left.mean = (left.mean * left.weight + right.mean * right.weight) / sum;
      left.weight = sum;
      left.size += right.size;
    }
  }
  auto value = values.begin();
  for (const Block& block : blocks) {
    for (size_t i = 0; i < block.size; ++i) *value++ = block.mean;
  }
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_BASE_ISOTONIC_H_
