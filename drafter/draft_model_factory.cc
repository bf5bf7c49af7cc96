#include "drafter/draft_model_factory.h"

#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/backend/cuda_backend_creation.h"
#include "common/backend/device_name.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/cpu/cpu_isa.h"
#include "drafter/chimera_draft_model.h"
#include "drafter/network/cpu_draft_network.h"
#include "drafter/network/drafter_file.h"
#include "drafter/ngram_draft_model.h"

namespace chimera {
namespace {

// Where the drafter of a model is looked for.
std::filesystem::path PathBeside(const std::filesystem::path& model) {
  std::error_code ignored;  // what cannot be looked at is no folder
  if (std::filesystem::is_directory(model, ignored)) return model / "drafter.safetensors";
  std::filesystem::path path = model;
  return path.replace_extension(".drafter.safetensors");
}

absl::StatusOr<DraftNetworkFactory> NetworkFactory(const DrafterConfig& config,
                                                   std::shared_ptr<ThreadPool> threads) {
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<int> cuda_device, CudaDeviceNumber(config.device));
  if (cuda_device.has_value()) {
    // A sequence that begins anew has its new context before it gives up the old one.
    return [device = *cuda_device, max_contexts = config.max_sequences + 1,
            threads = std::move(threads)](const DraftNetworkModel& model) {
      return CreateCudaDraftNetwork(model, device, max_contexts, threads.get());
    };
  }
  CpuDraftNetwork::Options options = {.threads = std::move(threads)};
  CHIMERA_ASSIGN_OR_RETURN(options.isa, ChooseCpuIsaFromEnvironment());
  return CpuDraftNetwork::Factory(options);
}

// A sound file of a drafter for the target.
absl::StatusOr<std::unique_ptr<DrafterFile>> OpenFor(const LlamaModel& target,
                                                     const std::string& path) {
  CHIMERA_ASSIGN_OR_RETURN(std::unique_ptr<DrafterFile> file, DrafterFile::Open(path));
  CHIMERA_RETURN_IF_ERROR(ChimeraDraftModel::CheckTarget(*file, target));
  return file;
}

}  // namespace

absl::StatusOr<DraftModelChoice> ParseDraftModel(const std::string& value,
                                                 const std::string& model_path) {
  if (value == "ngram") return DraftModelChoice{};
  if (value == "auto") {
    const std::filesystem::path path = PathBeside(model_path);
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) return DraftModelChoice{};
    return DraftModelChoice{.path = path.string(), .fallback = DraftModelChoice::Fallback::kNgrams};
  }
  if (absl::EndsWith(value, ".safetensors")) return DraftModelChoice{.path = value};
  return absl::InvalidArgumentError(absl::StrCat(
      "--draft_model is \"", value, "\", must be auto, ngram or the name of a .safetensors file"));
}

absl::StatusOr<std::unique_ptr<DraftModel>> MakeDraftModel(const DrafterConfig& config,
                                                           std::shared_ptr<const LlamaModel> target,
                                                           std::shared_ptr<ThreadPool> threads) {
  CHIMERA_RETURN_IF_ERROR(CudaDeviceNumber(config.device).status());
  if (config.draft_model.path.empty()) {
    if (config.tree_shape.empty()) return std::make_unique<NgramDraftModel>();
    return absl::InvalidArgumentError(
        "--tree_shape is for trained drafters, --draft_model is ngram");
  }
  CHIMERA_ASSIGN_OR_RETURN(DraftNetworkFactory make_network,
                           NetworkFactory(config, std::move(threads)));
  const absl::StatusOr<std::unique_ptr<DrafterFile>> file =
      OpenFor(*target, config.draft_model.path);
  if (!file.ok()) {
    if (config.draft_model.fallback == DraftModelChoice::Fallback::kNone ||
        !config.tree_shape.empty()) {
      return file.status();
    }
    LogError("drafter refused, n-grams stand in file={} reason={}", config.draft_model.path,
             file.status().ToString());
    return std::make_unique<NgramDraftModel>();
  }
  const ChimeraDraftModel::Options options = {.make_network = std::move(make_network),
                                              .tree_shape = config.tree_shape};
  return ChimeraDraftModel::Create(**file, std::move(target), options);
}

}  // namespace chimera
