// All measurements of the benchmark.

#ifndef CHIMERA_TOOLS_CPU_BENCH_CPU_BENCH_H_
#define CHIMERA_TOOLS_CPU_BENCH_CPU_BENCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "tools/cpu_bench/attention_bench.h"
#include "tools/cpu_bench/config.h"
#include "tools/cpu_bench/gemm_bench.h"
#include "tools/cpu_bench/noise_bench.h"
#include "tools/cpu_bench/step_bench.h"

namespace chimera {

// What was measured, and on what. Times are in seconds, the best of `repetitions`.
struct CpuBenchResult {
  std::string model_name;
  std::string numerics_id;
  std::string isa;
  int thread_count = 0;
  int32_t context = 0;  // positions before the rows of a step
  int repetitions = 0;
  double read_bandwidth = 0;  // bytes per second, all threads together
  double int8_peak = 0;       // multiply-accumulates per second, all threads together
  GemmResult gemm;
  std::vector<StepTime> steps;  // by kBenchRowCounts
  PrefillTime prefill;
  std::vector<AttentionTime> attention;
  NoiseResult noise;
};

// Opens the model and measures, on this thread and config.thread_count - 1 workers; memory is asked
// for one measurement at a time, the weights included. Errors: those of LlamaModel::Open and
// CpuBackend::Create; INVALID_ARGUMENT where --context does not fit in the model's context, or for
// a wrong value of $CHIMERA_CPU_ISA.
absl::StatusOr<CpuBenchResult> RunCpuBench(const CpuBenchConfig& config, const Clock& clock);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CPU_BENCH_CPU_BENCH_H_
