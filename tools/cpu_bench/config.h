// What the benchmark is told to do.

#ifndef CHIMERA_TOOLS_CPU_BENCH_CONFIG_H_
#define CHIMERA_TOOLS_CPU_BENCH_CONFIG_H_

#include <cstdint>
#include <string>

namespace chimera {

enum class ReportFormat { kTable, kJson };

// Validated, but for what depends on the model.
struct CpuBenchConfig {
  std::string model_path;
  int thread_count = 1;  // that compute, the caller's among them
  // Positions before the rows of a step. In [1, kMaxBenchContext].
  int32_t context = 256;
  // The N of "best of N". In [1, kMaxBenchRepetitions].
  int repetitions = 15;
  ReportFormat format = ReportFormat::kTable;
};

inline constexpr int32_t kMaxBenchContext = 1 << 17;
inline constexpr int kMaxBenchRepetitions = 10000;

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CPU_BENCH_CONFIG_H_
