// The gated activation of the feed-forward layer.

#ifndef CHIMERA_COMMON_OPS_SILU_MUL_H_
#define CHIMERA_COMMON_OPS_SILU_MUL_H_

#include <span>

namespace chimera {

// y[i] = (gate[i] / (1 + ExpF(-gate[i]))) * up[i], every operation in fp32. All spans have equally
// many elements; y may be gate or up.
void SiluMulReference(std::span<const float> gate, std::span<const float> up, std::span<float> y);

}  // namespace chimera

#endif  // CHIMERA_COMMON_OPS_SILU_MUL_H_
