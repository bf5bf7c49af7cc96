// The greatest value of every chunk of a row: what lets a pass over the row skip most of it.

#ifndef CHIMERA_COMMON_SAMPLING_CHUNK_MAXIMA_H_
#define CHIMERA_COMMON_SAMPLING_CHUNK_MAXIMA_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/sampling/gumbel_noise.h"

namespace chimera {

// The chunk with index i of `row` [n]: kChunk values, fewer in the last.
inline std::span<const float> ChunkOf(std::span<const float> row, size_t i) {
  const size_t begin = i * NoiseRow::kChunk;
  return row.subspan(begin, std::min<size_t>(NoiseRow::kChunk, row.size() - begin));
}

// Resizes `maxima` to [n_chunks] and fills it with the greatest value of each chunk of `row` [n].
// NaN is passed over; a chunk of nothing else has -inf.
void ChunkMaxima(std::span<const float> row, std::vector<float>* maxima);

// The lowest index of the greatest value of `row` [n], given its chunk maxima. NaN never wins; a
// row of nothing else gives 0. REQUIRES: row not empty.
int32_t ArgMax(std::span<const float> row, std::span<const float> maxima);

}  // namespace chimera

#endif  // CHIMERA_COMMON_SAMPLING_CHUNK_MAXIMA_H_
