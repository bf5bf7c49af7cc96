#include "drafter/draft_model_factory.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/cpu/cpu_isa.h"
#include "drafter/chimera_draft_model.h"
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

}  // namespace

absl::StatusOr<std::string> ParseDraftModel(const std::string& value,
                                            const std::string& model_path) {
  if (value == "ngram") return "";
  if (value == "auto") {
    const std::filesystem::path path = PathBeside(model_path);
    std::error_code ignored;
    return std::filesystem::exists(path, ignored) ? path.string() : "";
  }
  if (absl::EndsWith(value, ".safetensors")) return value;
  return absl::InvalidArgumentError(absl::StrCat(
      "--draft_model is \"", value, "\", must be auto, ngram or the name of a .safetensors file"));
}

absl::StatusOr<std::unique_ptr<DraftModel>> MakeDraftModel(const DrafterConfig& config,
                                                           std::shared_ptr<const LlamaModel> target,
                                                           std::shared_ptr<ThreadPool> threads) {
  if (config.drafter_path.empty()) {
    if (config.tree_shape.empty()) return std::make_unique<NgramDraftModel>();
    return absl::InvalidArgumentError(
        "--tree_shape is for trained drafters, --draft_model is ngram");
  }
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<DrafterFile> file,
                           DrafterFile::Open(config.drafter_path));
  ChimeraDraftModel::Options options = {.threads = std::move(threads),
                                        .tree_shape = config.tree_shape};
  CHIMERA_ASSIGN_OR_RETURN(options.isa, ChooseCpuIsaFromEnvironment());
  return ChimeraDraftModel::Create(*file, std::move(target), options);
}

}  // namespace chimera
