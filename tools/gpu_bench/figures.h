// Figures that follow from what was measured; every form of the report shows the same ones.

#ifndef CHIMERA_TOOLS_GPU_BENCH_FIGURES_H_
#define CHIMERA_TOOLS_GPU_BENCH_FIGURES_H_

#include <cstdint>

#include "tools/gpu_bench/gpu_bench.h"

namespace chimera {

// The targets of docs/performance.md, "On GPUs".
inline constexpr double kPlainShareTarget = 0.8;     // of the read bandwidth, at least
inline constexpr double kTreeStepTarget = 1.15;      // 64 rows to one, at most
inline constexpr double kFewRowsRatioTarget = 1.0;   // of cuBLASLt's speed at 1 to 64 rows
inline constexpr double kManyRowsRatioTarget = 0.6;  // at 2048

// Something that reads `bytes` in `seconds`.
struct ReadRate {
  double bytes_per_second = 0;
  double bandwidth_share = 0;  // of the read bandwidth; above 1 where caches help
};

ReadRate RateOf(const GpuBenchResult& result, int64_t bytes, double seconds);

// Bytes that a step of a model reads: its weights, and keys and values of `context` positions.
int64_t StepBytes(const LlamaConfig& config, int context);

// Floating-point operations per second of a linear layer, two for each product.
double FlopsPerSecond(const LinearShape& shape, int rows, double seconds);

// The speed of Chimera's kernel as a multiple of cuBLASLt's.
inline double SpeedRatio(const GemmTimes& times) { return times.blas.median / times.own.median; }

// Tokens that a second of decoding generates.
inline double TokensPerSecond(const DecodeTimes& times, const TimeSpread& seconds) {
  return times.tokens / seconds.median;
}

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_FIGURES_H_
