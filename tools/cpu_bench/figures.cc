#include "tools/cpu_bench/figures.h"

namespace chimera {
namespace {

// Rates of products that read `bytes` and compute `macs` in `seconds`.
ProductRates Rates(const CpuBenchResult& result, int64_t bytes, int64_t macs, double seconds) {
  const double bytes_per_second = static_cast<double>(bytes) / seconds;
  return {.seconds = seconds,
          .bytes_per_second = bytes_per_second,
          .bandwidth_share = bytes_per_second / result.read_bandwidth,
          .macs_per_second = static_cast<double>(macs) / seconds};
}

}  // namespace

ProductRates RatesOfShape(const CpuBenchResult& result, const ProductTimes& times, size_t index) {
  const ProductShape& shape = result.gemm.shapes[index];
  ProductRates rates =
      Rates(result, shape.weight_bytes, shape.macs_per_row() * times.rows, times.seconds[index]);
  if (shape.is_quantized) rates.peak_share = rates.macs_per_second / result.int8_peak;
  return rates;
}

ProductRates RatesOfStep(const CpuBenchResult& result, const ProductTimes& times) {
  int64_t bytes = 0, macs = 0;
  bool is_quantized = true;
  for (const ProductShape& shape : result.gemm.shapes) {
    bytes += shape.weight_bytes;
    macs += shape.macs_per_row() * times.rows;
    is_quantized &= shape.is_quantized;
  }
  ProductRates rates = Rates(result, bytes, macs, times.total_seconds);
  if (is_quantized) rates.peak_share = rates.macs_per_second / result.int8_peak;
  return rates;
}

double KvBytesPerSecond(const AttentionTime& time) {
  return static_cast<double>(time.kv_bytes) / time.seconds;
}

}  // namespace chimera
