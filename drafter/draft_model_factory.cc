#include "drafter/draft_model_factory.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/cpu/cpu_isa.h"
#include "drafter/chimera_draft_model.h"
#include "drafter/network/drafter_file.h"
#include "drafter/ngram_draft_model.h"

namespace chimera {

absl::StatusOr<std::string> ParseDraftModel(const std::string& value) {
  if (value == "ngram") return "";
  if (absl::EndsWith(value, ".safetensors")) return value;
  return absl::InvalidArgumentError(absl::StrCat(
      "--draft_model is \"", value, "\", must be ngram or the name of a .safetensors file"));
}

absl::StatusOr<std::unique_ptr<DraftModel>> MakeDraftModel(
    const DrafterConfig& config, std::shared_ptr<const LlamaModel> target) {
  if (config.drafter_path.empty()) {
    if (config.tree_shape.empty()) return std::make_unique<NgramDraftModel>();
    return absl::InvalidArgumentError(
        "--tree_shape is for trained drafters, --draft_model is ngram");
  }
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<DrafterFile> file,
                           DrafterFile::Open(config.drafter_path));
  ChimeraDraftModel::Options options = {.thread_count = config.thread_count,
                                        .tree_shape = config.tree_shape};
  CHIMERA_ASSIGN_OR_RETURN(options.isa, ChooseCpuIsaFromEnvironment());
  return ChimeraDraftModel::Create(*file, std::move(target), options);
}

}  // namespace chimera
