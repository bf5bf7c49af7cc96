#include "tools/gpu_bench/flags.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "tools/cpu_bench/bench_flags.h"

ABSL_FLAG(int32_t, device, 0, "N  Number of the CUDA device. Default 0.");
ABSL_FLAG(std::string, sections, "copy,launch,gemm,attention,step,decode,draft",
          "LIST  What is measured, of copy, launch, gemm, attention, step, decode, draft. Default "
          "all.");
ABSL_FLAG(std::string, models, "llama-2-7b,llama-2-13b",
          "LIST  Shapes of models, of llama-2-7b, llama-2-13b, llama-3-8b, smollm2-135m, tiny. "
          "Default the first two.");
ABSL_FLAG(int32_t, repetitions, chimera::GpuBenchConfig().repetitions,
          "N  Every figure is the median of N. Default 15.");
ABSL_FLAG(int32_t, launches, chimera::GpuBenchConfig().launches,
          "N  Launches of a kernel that are timed together, at most. Default 128.");
ABSL_FLAG(std::string, rows, "1,8,16,32,64,512,2048", "LIST  Rows of linear layers.");
ABSL_FLAG(std::string, contexts, "512,2048,8192", "LIST  Positions that attention goes over.");
ABSL_FLAG(std::string, numerics, "strict",
          "NAME  Of steps and decoding: strict, or pinned, which is cuBLASLt's. Default strict.");
ABSL_FLAG(int32_t, context, chimera::GpuBenchConfig().context,
          "N  Positions before the rows of a step, decoding and drafting. Default 512.");
ABSL_FLAG(int32_t, prefill, chimera::GpuBenchConfig().prefill,
          "N  Tokens of the prompt that is timed. Default 2048.");
ABSL_FLAG(int32_t, tokens, chimera::GpuBenchConfig().tokens, "N  Tokens decoded. Default 256.");
ABSL_FLAG(std::string, acceptance, "0.7,0.8",
          "LIST  Probabilities that a tree's next candidate is accepted, in [0, 1).");
ABSL_FLAG(std::string, json, "",
          "FILE  Write JSON there as well, anew after each part; \"-\": to the output, in place of "
          "tables.");

namespace chimera {
namespace {

constexpr absl::string_view kFlagNames[] = {
    "device",   "sections", "models",  "repetitions", "launches",   "rows", "contexts",
    "numerics", "context",  "prefill", "tokens",      "acceptance", "json"};

// The items of a list, at least one.
absl::StatusOr<std::vector<std::string>> ReadList(const absl::Flag<std::string>& flag) {
  const std::string value = absl::GetFlag(flag);
  if (value.empty()) {
    return UsageError("--", absl::GetFlagReflectionHandle(flag).Name(), " names nothing");
  }
  return std::vector<std::string>(absl::StrSplit(value, ','));
}

absl::StatusOr<std::vector<int>> ReadNumbers(const absl::Flag<std::string>& flag, int high) {
  const absl::string_view name = absl::GetFlagReflectionHandle(flag).Name();
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<std::string> items, ReadList(flag));
  std::vector<int> numbers;
  for (const std::string& item : items) {
    int32_t number = 0;
    if (!absl::SimpleAtoi(item, &number))
      return UsageError("--", name, " cannot be \"", item, "\"");
    CHIMERA_RETURN_IF_ERROR(CheckRange(name, number, 1, high));
    numbers.push_back(number);
  }
  return numbers;
}

absl::StatusOr<std::vector<double>> ReadAcceptance() {
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<std::string> items, ReadList(FLAGS_acceptance));
  std::vector<double> probabilities;
  for (const std::string& item : items) {
    double probability = 0;
    if (!absl::SimpleAtod(item, &probability)) {
      return UsageError("--acceptance cannot be \"", item, "\"");
    }
    if (!(probability >= 0 && probability < 1)) {
      return UsageError("--acceptance is ", item, ", must be in [0, 1)");
    }
    probabilities.push_back(probability);
  }
  return probabilities;
}

absl::StatusOr<GpuBenchSections> ReadSections() {
  GpuBenchSections sections;
  const std::pair<absl::string_view, bool*> names[] = {
      {"copy", &sections.copy},  {"launch", &sections.launch},       {"gemm", &sections.gemm},
      {"step", &sections.step},  {"attention", &sections.attention}, {"decode", &sections.decode},
      {"draft", &sections.draft}};
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<std::string> items, ReadList(FLAGS_sections));
  for (const std::string& item : items) {
    const auto* const found =
        std::ranges::find(names, item, &std::pair<absl::string_view, bool*>::first);
    if (found == std::end(names)) {
      return UsageError("--sections cannot be \"", item, "\", must be of ",
                        "copy, launch, gemm, attention, step, decode, draft");
    }
    *found->second = true;
  }
  return sections;
}

absl::StatusOr<std::vector<ModelShape>> ReadModels() {
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<std::string> items, ReadList(FLAGS_models));
  std::vector<ModelShape> models;
  for (const std::string& item : items) {
    const std::optional<ModelShape> shape = FindModelShape(item);
    if (!shape.has_value()) {
      const auto append_name = [](std::string* text, const ModelShape& known) {
        text->append(known.name);
      };
      return UsageError("--models cannot be \"", item, "\", must be of ",
                        absl::StrJoin(ModelShapes(), ", ", append_name));
    }
    models.push_back(*shape);
  }
  return models;
}

}  // namespace

std::string GpuBenchHelp() {
  return absl::StrCat(
      "chimera-gpu-bench: measures the CUDA backend, with random weights, against what the device "
      "can do\n\n"
      "usage: chimera-gpu-bench [flags]\n\n",
      FlagsHelp(kFlagNames), "\nA LIST has commas between its items.\n");
}

absl::StatusOr<GpuBenchConfig> ParseGpuBenchFlags(std::span<const std::string> arguments) {
  CHIMERA_RETURN_IF_ERROR(SetFlags(kFlagNames, arguments));
  GpuBenchConfig config;
  CHIMERA_ASSIGN_OR_RETURN(config.device, ReadInRange(FLAGS_device, 0, 1023));
  CHIMERA_ASSIGN_OR_RETURN(config.sections, ReadSections());
  CHIMERA_ASSIGN_OR_RETURN(config.models, ReadModels());
  CHIMERA_ASSIGN_OR_RETURN(config.repetitions,
                           ReadInRange(FLAGS_repetitions, 1, kMaxBenchRepetitions));
  CHIMERA_ASSIGN_OR_RETURN(config.launches, ReadInRange(FLAGS_launches, 1, kMaxBenchLaunches));
  CHIMERA_ASSIGN_OR_RETURN(config.rows, ReadNumbers(FLAGS_rows, kMaxBenchRows));
  CHIMERA_ASSIGN_OR_RETURN(config.contexts, ReadNumbers(FLAGS_contexts, kMaxBenchPositions));
  CHIMERA_ASSIGN_OR_RETURN(config.numerics, ParseNumerics(absl::GetFlag(FLAGS_numerics)));
  CHIMERA_ASSIGN_OR_RETURN(config.context, ReadInRange(FLAGS_context, 1, kMaxBenchPositions));
  CHIMERA_ASSIGN_OR_RETURN(config.prefill, ReadInRange(FLAGS_prefill, 1, kMaxBenchRows));
  CHIMERA_ASSIGN_OR_RETURN(config.tokens, ReadInRange(FLAGS_tokens, 1, kMaxBenchPositions));
  CHIMERA_ASSIGN_OR_RETURN(config.acceptance, ReadAcceptance());
  config.json_path = absl::GetFlag(FLAGS_json);
  return config;
}

}  // namespace chimera
