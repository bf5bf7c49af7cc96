#include "tools/gpu_bench/figures.h"

namespace chimera {

ReadRate RateOf(const GpuBenchResult& result, int64_t bytes, double seconds) {
  const double bytes_per_second = static_cast<double>(bytes) / seconds;
  return {bytes_per_second, bytes_per_second / result.read.bytes_per_second()};
}

int64_t StepBytes(const LlamaConfig& config, int context) {
  return StepWeightBytes(config) + context * KvBytesPerPosition(config);
}

double FlopsPerSecond(const LinearShape& shape, int rows, double seconds) {
  return 2.0 * rows * shape.output_size * shape.input_size / seconds;
}

}  // namespace chimera
