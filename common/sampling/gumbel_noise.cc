#include "common/sampling/gumbel_noise.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/deterministic_math.h"

namespace chimera {

float GumbelFromWord(uint32_t word) {
  constexpr float kGreatest = 1.0f - 0x1p-24f;
  const float u = std::min((static_cast<float>(word) + 0.5f) * 0x1p-32f, kGreatest);
  return -LogF(-Log1pF(-u));
}

NoiseRow::NoiseRow(uint64_t seed, int64_t position)
    : key_(MakePhiloxKey(seed)), position_(static_cast<uint64_t>(position)) {
  CHIMERA_CHECK(position >= 0) << "position " << position;
}

PhiloxCounter NoiseRow::CounterOf(int32_t token) const {
  return {static_cast<uint32_t>(position_), static_cast<uint32_t>(position_ >> 32),
          static_cast<uint32_t>(token) / 4, 0};
}

float NoiseRow::Gumbel(int32_t token) const {
  return GumbelFromWord(Philox4x32(CounterOf(token), key_)[static_cast<uint32_t>(token) % 4]);
}

void NoiseRow::Words(int32_t chunk, std::span<uint32_t, kChunk> words) const {
  Philox4x32Batch(CounterOf(chunk * kChunk), key_, words);
}

}  // namespace chimera
