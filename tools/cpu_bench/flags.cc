#include "tools/cpu_bench/flags.h"

#include <cstdint>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/backend/backend_factory.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/cpu/cpu_backend.h"
#include "common/model/default_model_path.h"
#include "tools/cpu_bench/bench_flags.h"

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

}  // namespace

std::string CpuBenchHelp() {
  return absl::StrCat(
      "chimera-cpu-bench: measures the CPU backend against what the machine can do\n\n"
      "usage: chimera-cpu-bench [flags]\n\n",
      FlagsHelp(kFlagNames),
      "\n$CHIMERA_CPU_ISA restricts the instruction set: portable, avx2 or avx512vnni.\n");
}

absl::StatusOr<CpuBenchConfig> ParseCpuBenchFlags(std::span<const std::string> arguments) {
  CHIMERA_RETURN_IF_ERROR(SetFlags(kFlagNames, arguments));
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
