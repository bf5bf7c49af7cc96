// chimera-cpu-bench: measures the CPU backend against what the machine can do. Exit codes: 0
// success, 1 failure, 2 wrong usage.

#include <cstdio>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "tools/cpu_bench/bench_flags.h"
#include "tools/cpu_bench/cpu_bench.h"
#include "tools/cpu_bench/flags.h"
#include "tools/cpu_bench/report.h"

namespace chimera {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

int Main(const std::vector<std::string>& arguments) {
  if (AsksForHelp(arguments)) {
    std::fputs(CpuBenchHelp().c_str(), stdout);
    return 0;
  }
  const absl::StatusOr<CpuBenchConfig> config = ParseCpuBenchFlags(arguments);
  if (!config.ok()) {
    std::fprintf(stderr, "chimera-cpu-bench: %s\nTry \"chimera-cpu-bench --help\".\n",
                 std::string(config.status().message()).c_str());
    return kExitUsage;
  }
  const absl::StatusOr<CpuBenchResult> result = RunCpuBench(*config, RealClock());
  if (!result.ok()) {
    std::fprintf(stderr, "chimera-cpu-bench: %s\n", result.status().ToString().c_str());
    return kExitFailure;
  }
  const std::string report =
      config->format == ReportFormat::kJson ? ReportJson(*result) : ReportTable(*result);
  const bool is_written = std::fputs(report.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  return is_written ? 0 : kExitFailure;
}

}  // namespace
}  // namespace chimera

int main(int argc, char** argv) { return chimera::Main({argv + 1, argv + argc}); }
