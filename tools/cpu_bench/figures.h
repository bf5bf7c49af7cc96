// Figures that follow from what was measured; every form of the report shows the same ones.

#ifndef CHIMERA_TOOLS_CPU_BENCH_FIGURES_H_
#define CHIMERA_TOOLS_CPU_BENCH_FIGURES_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "tools/cpu_bench/cpu_bench.h"

namespace chimera {

// Share of the measured read bandwidth that the products of a one-row step should reach at least.
inline constexpr double kBandwidthShareTarget = 0.75;
// Share of a step at temperature 1 that noise should take at most.
inline constexpr double kNoiseShareTarget = 0.03;

// The speed of one kind of product, or of all, in steps of some row count.
struct ProductRates {
  double seconds = 0;  // per step
  double bytes_per_second = 0;
  double bandwidth_share = 0;  // of the read bandwidth; above 1 where weights stay in the cache
  double macs_per_second = 0;
  // Of the int8 peak; nothing where weights are not quantised, as they are not multiplied as int8.
  std::optional<double> peak_share = std::nullopt;
};

// Of shape number `shape` of result.gemm. `times` is one of result.gemm.times.
ProductRates RatesOfShape(const CpuBenchResult& result, const ProductTimes& times, size_t shape);

// Of all products of a step.
ProductRates RatesOfStep(const CpuBenchResult& result, const ProductTimes& times);

// Bytes per second of keys and values, as if each were read once for all rows.
double KvBytesPerSecond(const AttentionTime& time);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CPU_BENCH_FIGURES_H_
