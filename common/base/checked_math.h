// Arithmetic on numbers from outside, which may overflow.

#ifndef CHIMERA_COMMON_BASE_CHECKED_MATH_H_
#define CHIMERA_COMMON_BASE_CHECKED_MATH_H_

#include <cstdint>
#include <optional>

namespace chimera {

// a + b, or nothing where it does not fit.
inline std::optional<uint64_t> CheckedAdd(uint64_t a, uint64_t b) {
  uint64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

// a * b, or nothing where it does not fit.
inline std::optional<uint64_t> CheckedMultiply(uint64_t a, uint64_t b) {
  uint64_t product;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_BASE_CHECKED_MATH_H_
