#include "common/base/deterministic_math.h"

#include <bit>
#include <cmath>
#include <cstdint>

#include "common/base/check.h"
#include "common/base/vector_math.h"

namespace chimera {
namespace {

constexpr double kLn2High = 0x1.62e42fefa39efp-1;
constexpr double kLn2Low = 0x1.abc9e3b39803fp-56;

// Rounds to the nearest integer, ties to even, for |x| < 2^51.
double RoundToInteger(double x) {
  constexpr double kShifter = 0x1.8p52;
  return (x + kShifter) - kShifter;
}

// Sum of terms[i] * x^i; the last term is the innermost.
template <int kTerms>
double Horner(double x, const double (&terms)[kTerms]) {
  double sum = terms[kTerms - 1];
  for (int i = kTerms - 2; i >= 0; --i) sum = std::fma(sum, x, terms[i]);
  return sum;
}

// Taylor series up to r^15 and r^16: the next terms are below 1e-16 for |r| <= pi / 4.
double SineOfReduced(double r) {
  static constexpr double kTerms[] = {
      -1.0 / 6,        1.0 / 120,         -1.0 / 5040,          1.0 / 362880,
      -1.0 / 39916800, 1.0 / 6227020800., -1.0 / 1307674368000.};
  const double square = r * r;
  return std::fma(r * square, Horner(square, kTerms), r);
}

double CosineOfReduced(double r) {
  static constexpr double kTerms[] = {1.0,
                                      -1.0 / 2,
                                      1.0 / 24,
                                      -1.0 / 720,
                                      1.0 / 40320,
                                      -1.0 / 3628800,
                                      1.0 / 479001600,
                                      -1.0 / 87178291200.,
                                      1.0 / 20922789888000.};
  return Horner(r * r, kTerms);
}

// Natural logarithm of normal x > 0: 2 artanh((m - 1) / (m + 1)) + exponent * ln 2.
double Log(double x) {
  static constexpr double kTerms[] = {1.0 / 3,  1.0 / 5,  1.0 / 7,  1.0 / 9,  1.0 / 11,
                                      1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21};
  constexpr int64_t kSqrtHalfBits = 0x3fe6a09e667f3bcd;
  const int64_t bits = std::bit_cast<int64_t>(x);
  const int64_t exponent = (bits - kSqrtHalfBits) >> 52;
  const double m = std::bit_cast<double>(bits - exponent * (int64_t{1} << 52));
  const double s = (m - 1.0) / (m + 1.0);
  const double square = s * s;
  const double tail = 2.0 * s * square * Horner(square, kTerms);
  const double n = static_cast<double>(exponent);
  return std::fma(n, kLn2High, 2.0 * s + std::fma(n, kLn2Low, tail));
}

// e^x for |x| < 300: Taylor series of the part below ln 2 / 2, scaled by a power of two.
double Exp(double x) {
  static constexpr double kTerms[] = {1.0,
                                      1.0,
                                      1.0 / 2,
                                      1.0 / 6,
                                      1.0 / 24,
                                      1.0 / 120,
                                      1.0 / 720,
                                      1.0 / 5040,
                                      1.0 / 40320,
                                      1.0 / 362880,
                                      1.0 / 3628800,
                                      1.0 / 39916800,
                                      1.0 / 479001600,
                                      1.0 / 6227020800.};
  const double n = RoundToInteger(x * 0x1.71547652b82fep+0);
  const double r = std::fma(n, -kLn2Low, std::fma(n, -kLn2High, x));
  const int64_t scale = static_cast<int64_t>(n) + 1023;
  return Horner(r, kTerms) * std::bit_cast<double>(scale << 52);
}

}  // namespace

float ExpF(float x) { return VectorExp<ScalarMath>(x); }

float LogF(float x) { return VectorLog<ScalarMath>(x); }

float Log1pF(float x) { return VectorLog1p<ScalarMath>(x); }

void SinCos(double x, double* sine, double* cosine) {
  const double n = RoundToInteger(x * 0x1.45f306dc9c883p-1);  // quarter turns
  double r = std::fma(n, -0x1.921fb54442d18p+0, x);
  r = std::fma(n, -0x1.1a62633145c07p-54, r);
  const double s = SineOfReduced(r);
  const double c = CosineOfReduced(r);
  const int quadrant = static_cast<int>(static_cast<int64_t>(n) & 3);
  *sine = quadrant == 0 ? s : quadrant == 1 ? c : quadrant == 2 ? -s : -c;
  *cosine = quadrant == 0 ? c : quadrant == 1 ? -s : quadrant == 2 ? -c : s;
}

double Pow(double base, double exponent) {
  const double log = Log(base);
  CHIMERA_CHECK(std::fabs(exponent * log) < 300.0) << "Pow(" << base << ", " << exponent << ")";
  return Exp(exponent * log);
}

}  // namespace chimera
