#include "tools/chimera_generate/generate.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/backend/backend_factory.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/model/llama_model.h"
#include "common/tokenizer/chat_template.h"
#include "common/tokenizer/tokenizer.h"
#include "tools/chimera_generate/batch_decoder.h"
#include "tools/chimera_generate/prompt_file.h"
#include "tools/chimera_generate/shard_writer.h"
#include "verifier/kv_cache/page_allocator.h"

namespace chimera {
namespace {

constexpr std::chrono::seconds kReportInterval(5);

absl::Status CheckTappedLayers(const GenerateConfig& config, const LlamaConfig& model) {
  if (config.tapped_layers.empty() || config.tapped_layers.back() <= model.layer_count) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("--tapped_layers has ",
                                                 config.tapped_layers.back(), ", must be in [0, ",
                                                 model.layer_count, "]"));
}

absl::Status CheckIdentity(const GenerateConfig& config, const LlamaModel& model) {
  const std::string& identity = model.fingerprint().identity;
  if (config.target_identity.empty() || config.target_identity == identity) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("target_identity of the answers is ", config.target_identity, ", but ", identity,
                   " of ", model.name(), ": another model gave them"));
}

absl::StatusOr<std::unique_ptr<Backend>> MakeBackend(const GenerateConfig& config,
                                                     const LlamaModel& model) {
  BackendOptions options;
  options.device = config.device;
  CHIMERA_ASSIGN_OR_RETURN(options.threads, ThreadPool::Create(config.thread_count));
  options.limits.page_count = config.batch_size * PagesForPositions(config.max_length);
  options.limits.slot_count = config.batch_size;
  options.limits.max_step_rows = config.batch_size + config.prefill_chunk;
  return CreateBackend(model, options);
}

ShardContent MakeContent(const GenerateConfig& config, const LlamaModel& model,
                         const Backend& backend) {
  return {.metadata = {{"format", "chimera-generated-1"},
                       {"target_name", model.name()},
                       {"target_identity", model.fingerprint().identity},
                       {"target_weights", model.fingerprint().weights},
                       {"numerics_id", backend.numerics_id()},
                       {"tapped_layers", absl::StrJoin(config.tapped_layers, ",")},
                       {"hidden_size", absl::StrCat(model.config().hidden_size)},
                       {"vocab_size", absl::StrCat(model.config().vocab_size)}},
          .tapped_layer_count = static_cast<int64_t>(config.tapped_layers.size()),
          .hidden_size = model.config().hidden_size};
}

absl::StatusOr<std::unique_ptr<ChatTemplate>> FindChatTemplate(const LlamaModel& model) {
  absl::StatusOr<ChatTemplate> chat_template =
      ChatTemplate::Create(model.vocabulary().chat_template);
  if (!chat_template.ok()) return nullptr;
  return std::make_unique<ChatTemplate>(*std::move(chat_template));
}

// Takes from `prompts` those that are to be answered.
std::vector<GenerationPrompt> SelectPrompts(std::vector<GenerationPrompt> prompts,
                                            const ShardWriter& writer, int32_t max_length,
                                            GenerateProgress* progress) {
  std::vector<GenerationPrompt> selected;
  for (GenerationPrompt& prompt : prompts) {
    if (writer.HasAnswer(prompt.index)) continue;
    const size_t response_length = std::max<size_t>(prompt.response_ids.size(), 1);
    if (prompt.token_ids.size() + response_length > static_cast<size_t>(max_length)) {
      ++progress->too_long_count;
      continue;
    }
    selected.push_back(std::move(prompt));
  }
  progress->prompt_count = static_cast<int64_t>(selected.size());
  return selected;
}

}  // namespace

absl::StatusOr<GenerateProgress> Generate(
    const GenerateConfig& config, const Clock& clock,
    const std::function<void(const GenerateProgress&)>& report) {
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<LlamaModel> model,
                           LlamaModel::Open(config.model_path));
  CHIMERA_RETURN_IF_ERROR(CheckIdentity(config, *model));
  CHIMERA_RETURN_IF_ERROR(CheckTappedLayers(config, model->config()));
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<Backend> backend, MakeBackend(config, *model));
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> tokenizer,
                           Tokenizer::Create(model->vocabulary()));
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<ChatTemplate> chat_template,
                           FindChatTemplate(*model));
  CHIMERA_ASSIGN_OR_RETURN(
      std::vector<GenerationPrompt> all,
      ReadPromptFile(config.prompt_path, *tokenizer, chat_template.get(), config.max_tokens));
  CHIMERA_ASSIGN_OR_RETURN(
      const std::unique_ptr<ShardWriter> writer,
      ShardWriter::Open(config.output_path, MakeContent(config, *model, *backend),
                        tokenizer.get()));
  GenerateProgress progress;
  std::vector<GenerationPrompt> prompts =
      SelectPrompts(std::move(all), *writer, config.max_length, &progress);

  const auto start = clock.Now();
  auto last_report = start;
  const auto source = [&, next = size_t{0}]() mutable -> std::optional<GenerationPrompt> {
    if (next == prompts.size()) return std::nullopt;
    return std::move(prompts[next++]);
  };
  const auto sink = [&](const GeneratedSequence& sequence) {
    ++progress.sequence_count;
    progress.response_tokens +=
        static_cast<int64_t>(sequence.token_ids.size()) - sequence.response_start;
    writer->Add(sequence);
    const auto now = clock.Now();
    progress.seconds = std::chrono::duration<double>(now - start).count();
    if (now - last_report >= kReportInterval) {
      report(progress);
      last_report = now;
    }
    return writer->pending_tokens() < config.shard_tokens ? absl::OkStatus() : writer->Flush();
  };
  BatchDecoder decoder(backend.get(), {.tapped_layers = config.tapped_layers,
                                       .prefill_chunk = config.prefill_chunk,
                                       .max_length = config.max_length,
                                       .end_token = tokenizer->eos_id()});
  CHIMERA_RETURN_IF_ERROR(decoder.Run(source, sink));
  CHIMERA_RETURN_IF_ERROR(writer->Flush());
  return progress;
}

}  // namespace chimera
