// The noise of common/sampling/gumbel_noise.h on the device, bit for bit.

#ifndef CHIMERA_COMMON_CUDA_DEVICE_GUMBEL_NOISE_H_
#define CHIMERA_COMMON_CUDA_DEVICE_GUMBEL_NOISE_H_

#include "common/base/philox.h"
#include "common/cuda/device/primitives.h"
#include "common/sampling/gumbel_noise.h"

namespace chimera::device {

// The random words of tokens first_token to first_token + 3. REQUIRES: first_token % 4 == 0.
CHIMERA_DEVICE Words4 NoiseWords(uint64_t seed, int64_t position, int32_t first_token) {
  const PhiloxWords words =
      Philox4x32(NoiseCounter(static_cast<uint64_t>(position), first_token), MakePhiloxKey(seed));
  return {{words[0], words[1], words[2], words[3]}};
}

// The noise of a word.
CHIMERA_DEVICE float Gumbel(uint32_t word) { return GumbelFromWordBy<LaneMath>(word); }

}  // namespace chimera::device

#endif  // CHIMERA_COMMON_CUDA_DEVICE_GUMBEL_NOISE_H_
