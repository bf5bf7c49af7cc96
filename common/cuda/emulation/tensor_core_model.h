// What a tensor core computes, bit by bit.

#ifndef CHIMERA_COMMON_CUDA_EMULATION_TENSOR_CORE_MODEL_H_
#define CHIMERA_COMMON_CUDA_EMULATION_TENSOR_CORE_MODEL_H_

#include <array>
#include <cstdint>
#include <span>

namespace chimera::emulation {

// Arithmetics of mma.sync.m16n8k16 with bf16 operands and fp32 accumulation.
//
// kHopper and kAmpere follow the published model that was found bit-accurate on hardware (MMA-Sim,
// arXiv 2511.10909). A group of products and the accumulator are aligned to the greatest exponent
// among them, a product's being the sum of its factors' exponents; each is truncated to a number of
// fraction bits, the sum is exact and is rounded toward zero to fp32. Subnormal numbers count in
// full, a result of 2^128 or more is an infinity, NaN is always 0x7fffffff and a sum of 0 is +0.
//
// kSequential is no hardware's: products are added one after another in slot order, each by a
// rounded fp32 fma. What must hold on hardware whose arithmetic nobody has published should hold
// under it as well.
enum class TensorCoreModel {
  kHopper,      // groups of 16 products, 25 fraction bits
  kAmpere,      // groups of 8 products, 24 fraction bits
  kSequential,  // depends on the order of the products within a group
};

// Products of one mma.sync.m16n8k16 that go into an element.
inline constexpr int kTensorCoreDepth = 16;

// A row of A or a column of B, taken apart once for the many sums it goes into.
struct TensorCoreOperand {
  explicit TensorCoreOperand(std::span<const uint16_t, kTensorCoreDepth> bf16_bits);

  std::array<float, kTensorCoreDepth> value;
  // value = significand * 2^(exponent - 7). Zeros have an exponent below that of any product.
  std::array<int32_t, kTensorCoreDepth> significand;
  std::array<int32_t, kTensorCoreDepth> exponent;
  bool is_finite;  // all values are
};

// accumulator + sum of a.value[i] * b.value[i].
float TensorCoreDot(TensorCoreModel model, const TensorCoreOperand& a, const TensorCoreOperand& b,
                    float accumulator);

}  // namespace chimera::emulation

#endif  // CHIMERA_COMMON_CUDA_EMULATION_TENSOR_CORE_MODEL_H_
