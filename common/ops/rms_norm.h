// Root-mean-square normalisation.

#ifndef CHIMERA_COMMON_OPS_RMS_NORM_H_
#define CHIMERA_COMMON_OPS_RMS_NORM_H_

#include <span>

namespace chimera {

// y[i] = (x[i] * s) * weight[i] with s = 1 / sqrt(S / (float)n + epsilon), every operation in fp32.
// S is the sum of squares: lane i % 16 = fma(x[i], x[i], lane) for i in ascending order, then
// SumLanes. All spans have n elements; y may be x.
void RmsNormReference(std::span<const float> x, std::span<const float> weight, float epsilon,
                      std::span<float> y);

}  // namespace chimera

#endif  // CHIMERA_COMMON_OPS_RMS_NORM_H_
