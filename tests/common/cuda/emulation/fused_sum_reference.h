// The tensor cores' sum worked out in exact binary numbers, bit by bit.

#ifndef CHIMERA_TESTS_COMMON_CUDA_EMULATION_FUSED_SUM_REFERENCE_H_
#define CHIMERA_TESTS_COMMON_CUDA_EMULATION_FUSED_SUM_REFERENCE_H_

#include <span>

namespace chimera::testing {

// accumulator + sum of a[i] * b[i], all finite, as TensorCoreModel describes it for one group of
// products: cut off below `fraction_bits` after the greatest exponent, added exactly, rounded toward
// zero. Written from that description alone and without regard for time.
float FusedSumReference(std::span<const float> a, std::span<const float> b, float accumulator,
                        int fraction_bits);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_EMULATION_FUSED_SUM_REFERENCE_H_
