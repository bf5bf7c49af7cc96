// Makes the draft model that a configuration names.

#ifndef CHIMERA_DRAFTER_DRAFT_MODEL_FACTORY_H_
#define CHIMERA_DRAFTER_DRAFT_MODEL_FACTORY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/model/llama_model.h"
#include "drafter/draft_model.h"
#include "drafter/drafter_config.h"

namespace chimera {

// What a flag --draft_model takes.
inline constexpr char kDraftModelHelp[] =
    "what proposes continuations: the .safetensors file of a trained drafter, or ngram, which "
    "looks "
    "them up in prompt and output";

// DrafterConfig::drafter_path of the flag's value. INVALID_ARGUMENT if that is neither.
absl::StatusOr<std::string> ParseDraftModel(const std::string& value);

// Errors are those of DrafterFile::Open and ChimeraDraftModel::Create, and of a wrong value of the
// environment variable CHIMERA_CPU_ISA (common/cpu/cpu_isa.h). INVALID_ARGUMENT also if n-grams are
// to have a tree shape.
absl::StatusOr<std::unique_ptr<DraftModel>> MakeDraftModel(
    const DrafterConfig& config, std::shared_ptr<const LlamaModel> target);

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_DRAFT_MODEL_FACTORY_H_
