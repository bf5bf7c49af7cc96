// Attention of one query over the positions before it, in position order.

#ifndef CHIMERA_COMMON_OPS_ATTENTION_H_
#define CHIMERA_COMMON_OPS_ATTENTION_H_

#include <cstdint>
#include <span>

namespace chimera {

// output [head_dim] for one query head at position t.
//
// `keys` and `values` hold t + 1 pointers to fp16 vectors [head_dim], those of positions 0 .. t in
// order, the query's own included; where they are stored does not matter, and nothing else enters.
// With p the position, all in fp32:
//
//   score[p]  = dot(query, key[p]) * (1 / sqrt((float)head_dim)),
//               dot: lane d % 16 = fma(query[d], key[p][d], lane) for d ascending, then SumLanes
//   weight[p] = ExpF(score[p] - max over all scores)
//   total     : lane p % 16 += weight[p] for p ascending, then SumLanes
//   output[d] = sum[d] / total, sum[d] = fma(weight[p], value[p][d], sum[d]) for p ascending
//
// REQUIRES: head_dim is a multiple of 16, all inputs are finite.
void AttentionReference(std::span<const float> query, std::span<const uint16_t* const> keys,
                        std::span<const uint16_t* const> values, std::span<float> output);

}  // namespace chimera

#endif  // CHIMERA_COMMON_OPS_ATTENTION_H_
