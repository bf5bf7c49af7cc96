// Rotary position embedding on interleaved pairs (Su et al., arXiv 2104.09864).

#ifndef CHIMERA_COMMON_OPS_ROPE_H_
#define CHIMERA_COMMON_OPS_ROPE_H_

#include <cstdint>
#include <span>
#include <vector>

namespace chimera {

// Cosines and sines for positions 0 .. position_count - 1. Pair i of a head turns by
// position * base^(-2 i / head_dim), computed in double and rounded to fp32. Immutable after
// construction; any thread may read.
class RopeTable {
 public:
  // REQUIRES: head_dim is even, base > 0.
  RopeTable(int64_t position_count, int32_t head_dim, float base);

  int32_t head_dim() const { return head_dim_; }

  // [head_dim]: elements 2 i and 2 i + 1 are both the cosine of pair i.
  std::span<const float> cosines(int64_t position) const { return Row(cosines_, position); }
  // [head_dim]: element 2 i is minus the sine of pair i, element 2 i + 1 the sine.
  std::span<const float> signed_sines(int64_t position) const {
    return Row(signed_sines_, position);
  }

 private:
  std::span<const float> Row(const std::vector<float>& table, int64_t position) const {
    return std::span(table).subspan(position * head_dim_, head_dim_);
  }

  int32_t head_dim_;
  std::vector<float> cosines_;       // [position_count, head_dim]
  std::vector<float> signed_sines_;  // [position_count, head_dim]
};

// Rotates each head of x [n_heads, head_dim] in place: with (a, b) a pair,
//   a' = fma(a, cosine, b * -sine)
//   b' = fma(b, cosine, a * sine)
void RopeReference(const RopeTable& table, int64_t position, std::span<float> x);

}  // namespace chimera

#endif  // CHIMERA_COMMON_OPS_ROPE_H_
