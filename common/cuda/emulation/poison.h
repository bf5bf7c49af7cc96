// What memory holds that nothing has been written to.

#ifndef CHIMERA_COMMON_CUDA_EMULATION_POISON_H_
#define CHIMERA_COMMON_CUDA_EMULATION_POISON_H_

#include <cstddef>

namespace chimera::emulation {

// Filled with it, memory is full of NaN as fp32, fp16 and bf16, and of -1 as integers.
inline constexpr std::byte kPoison{0xff};

}  // namespace chimera::emulation

#endif  // CHIMERA_COMMON_CUDA_EMULATION_POISON_H_
