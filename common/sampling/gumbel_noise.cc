#include "common/sampling/gumbel_noise.h"

#include "common/base/check.h"

namespace chimera {

float GumbelFromWord(uint32_t word) { return GumbelFromWordBy<ScalarMath>(word); }

NoiseRow::NoiseRow(uint64_t seed, int64_t position)
    : key_(MakePhiloxKey(seed)), position_(static_cast<uint64_t>(position)) {
  CHIMERA_CHECK(position >= 0) << "position " << position;
}

float NoiseRow::Gumbel(int32_t token) const {
  return GumbelFromWord(
      Philox4x32(NoiseCounter(position_, token), key_)[static_cast<uint32_t>(token) % 4]);
}

void NoiseRow::Words(int32_t chunk, std::span<uint32_t, kChunk> words) const {
  Philox4x32Batch(NoiseCounter(position_, chunk * kChunk), key_, words);
}

}  // namespace chimera
