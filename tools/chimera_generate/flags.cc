#include "tools/chimera_generate/flags.h"

#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/backend/backend_factory.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/model/default_model_path.h"
#include "common/rpc/service_flags.h"

ABSL_FLAG(std::string, model, "",
          "GGUF file or Hugging Face folder of the target model; default: $CHIMERA_MODEL, else the "
          "model that scripts/setup fetched");
ABSL_FLAG(std::string, device, chimera::GenerateConfig().device, "where the target model runs");
ABSL_FLAG(int32_t, threads, 0, "threads that compute; 0: one per core");
ABSL_FLAG(std::string, prompts, "",
          "JSON lines with \"prompt\", \"raw\" or \"prompt_ids\"; an answer in \"response_ids\" is "
          "read again in place of being generated");
ABSL_FLAG(std::string, target_identity, "",
          "identity that the model must have, where answers are given; empty: any");
ABSL_FLAG(std::string, output, "", "folder for the shards; those that it holds are kept");
ABSL_FLAG(std::vector<std::string>, tapped_layers, {},
          "layers whose hidden states are stored, ascending; 0 is the embedding");
ABSL_FLAG(int32_t, batch, chimera::GenerateConfig().batch_size, "sequences decoded together");
ABSL_FLAG(int32_t, prefill_chunk, chimera::GenerateConfig().prefill_chunk,
          "tokens of prompts and given answers read per step");
ABSL_FLAG(int32_t, max_length, chimera::GenerateConfig().max_length,
          "tokens of a prompt and its answer together; longer prompts are left out");
ABSL_FLAG(int32_t, max_tokens, chimera::GenerateConfig().max_tokens,
          "tokens of an answer, unless its prompt says so");
ABSL_FLAG(int64_t, shard_tokens, chimera::GenerateConfig().shard_tokens,
          "tokens from which a shard is written");

namespace chimera {
namespace {

constexpr char kUsage[] =
    "Answers prompts with the target model at full batch, and stores tokens and hidden states in "
    "shards, from which chimera-train learns a drafter.";

absl::StatusOr<std::string> ReadPath(const absl::Flag<std::string>& flag) {
  std::string path = absl::GetFlag(flag);
  if (!path.empty()) return path;
  return absl::InvalidArgumentError(
      absl::StrCat("--", absl::GetFlagReflectionHandle(flag).Name(), " is missing"));
}

absl::StatusOr<std::vector<int32_t>> ReadTappedLayers() {
  std::vector<int32_t> layers;
  for (const std::string& text : absl::GetFlag(FLAGS_tapped_layers)) {
    int32_t layer = 0;
    if (!absl::SimpleAtoi(text, &layer) || layer < (layers.empty() ? 0 : layers.back() + 1)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--tapped_layers has \"", text, "\", must be ascending numbers of layers from 0 on"));
    }
    layers.push_back(layer);
  }
  return layers;
}

}  // namespace

absl::StatusOr<GenerateConfig> ParseGenerateFlags(int argc, char** argv) {
  CHIMERA_RETURN_IF_ERROR(ParseCommandLine(argc, argv, kUsage));
  GenerateConfig config;
  config.model_path = absl::GetFlag(FLAGS_model);
  if (config.model_path.empty()) config.model_path = DefaultModelPath();
  config.device = absl::GetFlag(FLAGS_device);
  CHIMERA_ASSIGN_OR_RETURN(config.thread_count,
                           ReadInRange(FLAGS_threads, 0, ThreadPool::kMaxThreads));
  if (config.thread_count == 0) config.thread_count = UsableProcessors();
  CHIMERA_ASSIGN_OR_RETURN(config.prompt_path, ReadPath(FLAGS_prompts));
  config.target_identity = absl::GetFlag(FLAGS_target_identity);
  CHIMERA_ASSIGN_OR_RETURN(config.output_path, ReadPath(FLAGS_output));
  CHIMERA_ASSIGN_OR_RETURN(config.tapped_layers, ReadTappedLayers());
  CHIMERA_ASSIGN_OR_RETURN(config.batch_size, ReadInRange(FLAGS_batch, 1, 4096));
  CHIMERA_ASSIGN_OR_RETURN(config.prefill_chunk, ReadInRange(FLAGS_prefill_chunk, 1, 8192));
  CHIMERA_ASSIGN_OR_RETURN(config.max_length, ReadInRange(FLAGS_max_length, 2, 1 << 20));
  CHIMERA_ASSIGN_OR_RETURN(config.max_tokens, ReadInRange(FLAGS_max_tokens, 1, 1 << 20));
  CHIMERA_ASSIGN_OR_RETURN(config.shard_tokens,
                           ReadInRange(FLAGS_shard_tokens, int64_t{1}, int64_t{1} << 24));
  return config;
}

}  // namespace chimera
