// Operands of tensor cores, in classes.

#ifndef CHIMERA_TESTS_COMMON_CUDA_GPU_TENSOR_CORE_FRAGMENTS_H_
#define CHIMERA_TESTS_COMMON_CUDA_GPU_TENSOR_CORE_FRAGMENTS_H_

#include <array>
#include <cstdint>
#include <random>

namespace chimera::testing {

// Operands of one mma.sync.m16n8k16: A [16, 16] and B [16, 8] as bf16, C [16, 8] as fp32.
struct TensorCoreFragments {
  std::array<uint16_t, 256> a;
  std::array<uint16_t, 128> b;
  std::array<float, 128> c;
};

// Makes fragments of one class. Classes are apart because the first three are what models compute:
// there no device may differ, while a difference in another may do no harm.
using FragmentGenerator = TensorCoreFragments (*)(std::mt19937* random);

// Of exponents close together or far apart, of which no sum overflows or is subnormal.
TensorCoreFragments OrdinaryFragments(std::mt19937* random);

// One term far above the others, which are where the last bits of the sum are.
TensorCoreFragments EdgeFragments(std::mt19937* random);

// Terms in pairs that cancel but for what others add, in one group or across groups.
TensorCoreFragments CancellingFragments(std::mt19937* random);

// Some or all terms zero, of both signs.
TensorCoreFragments ZeroFragments(std::mt19937* random);

// Subnormal operands, products and sums.
TensorCoreFragments SubnormalFragments(std::mt19937* random);

// Products and sums near and beyond the largest number.
TensorCoreFragments OverflowingFragments(std::mt19937* random);

// Of all exponents at once: subnormal and overflowing terms in one sum.
TensorCoreFragments FiniteFragments(std::mt19937* random);

// Ordinary but for a few infinities, or NaN.
TensorCoreFragments InfiniteFragments(std::mt19937* random);
TensorCoreFragments NanFragments(std::mt19937* random);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_GPU_TENSOR_CORE_FRAGMENTS_H_
