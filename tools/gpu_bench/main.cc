// chimera-gpu-bench: measures the CUDA backend against what the device can do. Exit codes: 0
// success, 1 failure, or tokens that trees changed, 2 wrong usage.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "tools/cpu_bench/bench_flags.h"
#include "tools/gpu_bench/flags.h"
#include "tools/gpu_bench/gpu_bench.h"
#include "tools/gpu_bench/report.h"

namespace chimera {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

void PrintError(const std::string& message) {
  std::fprintf(stderr, "chimera-gpu-bench: %s\n", message.c_str());
}

bool Print(const std::string& text) {
  return std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
}

// In one step, so that whoever ends the program leaves a whole file behind.
bool WriteFile(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".new";
  std::ofstream file(temporary);
  file << text;
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(temporary, path, error);
  if (file && !error) return true;
  PrintError("--json=" + path + " cannot be written");
  return false;
}

bool WriteReports(const GpuBenchConfig& config, const GpuBenchResult& result) {
  if (config.json_path == "-") return Print(ReportJson(result));
  const bool is_written =
      config.json_path.empty() || WriteFile(config.json_path, ReportJson(result));
  return Print(ReportTable(result)) && is_written;
}

int Measure(const GpuBenchConfig& config) {
  const bool has_file = !config.json_path.empty() && config.json_path != "-";
  GpuBenchResult result;
  const auto on_progress = [&](const std::string& next) {
    std::fprintf(stderr, "%s ...\n", next.c_str());
    if (has_file) WriteFile(config.json_path, ReportJson(result));
  };
  const absl::Status status = RunGpuBench(config, RealClock(), on_progress, &result);
  const bool has_results = result.read.bytes > 0;
  const bool is_written = !has_results || WriteReports(config, result);
  if (!status.ok()) {
    PrintError(std::string(status.message()));
    return kExitFailure;
  }
  if (!IsLossless(result)) PrintError("tokens with trees DIFFER from those of plain decoding");
  return is_written && IsLossless(result) ? 0 : kExitFailure;
}

int Main(const std::vector<std::string>& arguments) {
  // To the standard error, as the output may be JSON.
  CHIMERA_CHECK(InitLogging("chimera-gpu-bench", "info").ok());
  if (AsksForHelp(arguments)) {
    std::fputs(GpuBenchHelp().c_str(), stdout);
    return 0;
  }
  const absl::StatusOr<GpuBenchConfig> config = ParseGpuBenchFlags(arguments);
  if (!config.ok()) {
    PrintError(std::string(config.status().message()) + "\nTry \"chimera-gpu-bench --help\".");
    return kExitUsage;
  }
  return Measure(*config);
}

}  // namespace
}  // namespace chimera

int main(int argc, char** argv) { return chimera::Main({argv + 1, argv + argc}); }
