// exp, log, sine and cosine with the same bits on every compiler, build type and instruction set.
//
// libm's results change with its version and with the instruction set it dispatches to, and a
// numerics id promises equal bits. These functions use only IEEE add, multiply, compare, integer
// operations and explicit fma, in a fixed order; vector versions elsewhere must perform the same
// operations per lane: common/base/vector_math.h has them for any vector width.

#ifndef CHIMERA_COMMON_BASE_DETERMINISTIC_MATH_H_
#define CHIMERA_COMMON_BASE_DETERMINISTIC_MATH_H_

namespace chimera {

// e^x, within 2 ulp for x in [-87, 88]. Below -87 the result is exactly 0, above 88 it is +inf; NaN
// stays NaN.
float ExpF(float x);

// Natural logarithm, within 2 ulp for normal x > 0. log(0) is -inf; x < 0 and NaN give NaN;
// subnormals are allowed.
float LogF(float x);

// Natural logarithm of 1 + x for x in (-1, 0], within 4 ulp, exact 0 at 0.
float Log1pF(float x);

// Sine and cosine in double for |x| up to 2^24 (RoPE angles), absolute error below
// 1e-15 * max(1, |x|).
void SinCos(double x, double* sine, double* cosine);

// base^exponent in double for normal base > 0 (RoPE frequencies), relative error below 1e-13.
// REQUIRES: |exponent * ln base| < 300.
double Pow(double base, double exponent);

}  // namespace chimera

#endif  // CHIMERA_COMMON_BASE_DETERMINISTIC_MATH_H_
