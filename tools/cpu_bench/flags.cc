#include "tools/cpu_bench/flags.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/backend/backend_factory.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/cpu/cpu_backend.h"
#include "common/model/default_model_path.h"

ABSL_FLAG(std::string, model, "",
          "PATH  GGUF file or Hugging Face folder. Default $CHIMERA_MODEL or the one scripts/setup "
          "fetched.");
ABSL_FLAG(int32_t, threads, 0, "N  Threads that compute; 0, the default, is one per core.");
ABSL_FLAG(int32_t, context, chimera::CpuBenchConfig().context,
          "N  Positions before the rows of a step. Default 256.");
ABSL_FLAG(int32_t, repetitions, chimera::CpuBenchConfig().repetitions,
          "N  Every figure is the best of N runs. Default 15.");
ABSL_FLAG(bool, json, false, "Print JSON instead of tables.");

namespace chimera {
namespace {

constexpr absl::string_view kFlagNames[] = {"model", "threads", "context", "repetitions", "json"};

template <typename... Parts>
absl::Status UsageError(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// Sets the flags that `arguments` name. absl::ParseCommandLine would take those of libraries as
// well, and end the process itself.
absl::Status SetFlags(std::span<const std::string> arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!absl::StartsWith(argument, "--")) {
      return UsageError("unexpected argument \"", argument, "\"");
    }
    std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(absl::string_view(argument).substr(2), absl::MaxSplits('=', 1));
    const std::string name(parts.first);
    if (std::find(std::begin(kFlagNames), std::end(kFlagNames), name) == std::end(kFlagNames)) {
      return UsageError("there is no flag --", name);
    }
    absl::CommandLineFlag* const flag = absl::FindCommandLineFlag(name);
    std::string value(parts.second);
    if (!absl::StrContains(argument, '=')) {
      if (flag->IsOfType<bool>()) {
        value = "true";
      } else if (i + 1 == arguments.size()) {
        return UsageError("--", name, " needs a value");
      } else {
        value = arguments[++i];
      }
    }
    std::string error;
    if (!flag->ParseFrom(value, &error)) {
      return UsageError("--", name, " cannot be \"", value, "\"");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int32_t> ReadInRange(const absl::Flag<int32_t>& flag, int32_t low, int32_t high) {
  const int32_t value = absl::GetFlag(flag);
  if (value >= low && value <= high) return value;
  return UsageError("--", absl::GetFlagReflectionHandle(flag).Name(), " is ", value,
                    ", must be in [", low, ", ", high, "]");
}

}  // namespace

bool AsksForHelp(std::span<const std::string> arguments) {
  return std::find(arguments.begin(), arguments.end(), "--help") != arguments.end();
}

std::string CpuBenchHelp() {
  std::string help =
      "chimera-cpu-bench: measures the CPU backend against what the machine can do\n\n"
      "usage: chimera-cpu-bench [flags]\n\n";
  for (const absl::string_view name : kFlagNames) {
    absl::StrAppendFormat(&help, "  --%-13s%s\n", name, absl::FindCommandLineFlag(name)->Help());
  }
  return absl::StrCat(help,
                      "\n$CHIMERA_CPU_ISA restricts the instruction set: portable, avx2 or "
                      "avx512vnni.\n");
}

absl::StatusOr<CpuBenchConfig> ParseCpuBenchFlags(std::span<const std::string> arguments) {
  CHIMERA_RETURN_IF_ERROR(SetFlags(arguments));
  CpuBenchConfig config;
  config.model_path = absl::GetFlag(FLAGS_model);
  if (config.model_path.empty()) config.model_path = DefaultModelPath();
  CHIMERA_ASSIGN_OR_RETURN(config.thread_count,
                           ReadInRange(FLAGS_threads, 0, ThreadPool::kMaxThreads));
  if (config.thread_count == 0) config.thread_count = UsableProcessors();
  CHIMERA_ASSIGN_OR_RETURN(config.context, ReadInRange(FLAGS_context, 1, kMaxBenchContext));
  CHIMERA_ASSIGN_OR_RETURN(config.repetitions,
                           ReadInRange(FLAGS_repetitions, 1, kMaxBenchRepetitions));
  if (absl::GetFlag(FLAGS_json)) config.format = ReportFormat::kJson;
  return config;
}

}  // namespace chimera
