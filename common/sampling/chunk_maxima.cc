#include "common/sampling/chunk_maxima.h"

#include <limits>

namespace chimera {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// b where a is NaN. Compilers turn exactly this form into the vector instruction.
float Greater(float a, float b) { return a > b ? a : b; }

float FullChunkMaximum(const float* chunk) {
  constexpr int kLanes = 8;
  float lanes[kLanes];
  for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = -kInfinity;
  for (int begin = 0; begin < NoiseRow::kChunk; begin += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = Greater(chunk[begin + lane], lanes[lane]);
    }
  }
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int lane = 0; lane < half; ++lane) lanes[lane] = Greater(lanes[lane], lanes[lane + half]);
  }
  return lanes[0];
}

}  // namespace

void ChunkMaxima(std::span<const float> row, std::vector<float>* maxima) {
  const size_t n_full = row.size() / NoiseRow::kChunk;
  maxima->resize((row.size() + NoiseRow::kChunk - 1) / NoiseRow::kChunk);
  for (size_t i = 0; i < n_full; ++i) {
    (*maxima)[i] = FullChunkMaximum(row.data() + i * NoiseRow::kChunk);
  }
  if (n_full < maxima->size()) {
    float maximum = -kInfinity;
    for (const float value : ChunkOf(row, n_full)) maximum = Greater(value, maximum);
    maxima->back() = maximum;
  }
}

int32_t ArgMax(std::span<const float> row, std::span<const float> maxima) {
  size_t best = 0;
  for (size_t i = 1; i < maxima.size(); ++i) {
    if (maxima[i] > maxima[best]) best = i;
  }
  for (size_t i = best * NoiseRow::kChunk; i < row.size(); ++i) {
    if (row[i] == maxima[best]) return static_cast<int32_t>(i);
  }
  return 0;
}

}  // namespace chimera
