// Makes the draft model that a configuration names.

#ifndef CHIMERA_DRAFTER_DRAFT_MODEL_FACTORY_H_
#define CHIMERA_DRAFTER_DRAFT_MODEL_FACTORY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/thread_pool.h"
#include "common/model/llama_model.h"
#include "drafter/draft_model.h"
#include "drafter/drafter_config.h"

namespace chimera {

// What a flag --draft_model takes.
inline constexpr char kDraftModelHelp[] =
    "what proposes continuations: the .safetensors file of a trained drafter; ngram, which looks "
    "them up in prompt and output; auto: the drafter that lies beside the target model, as "
    "MODEL.drafter.safetensors for MODEL.gguf or drafter.safetensors in a Hugging Face folder, "
    "ngram if there is none, or if it is damaged or was made for another model, which is logged; "
    "a file that is named must be sound";

// The flag's value, for the target model at `model_path`. INVALID_ARGUMENT if it is not a value
// that the flag takes.
absl::StatusOr<DraftModelChoice> ParseDraftModel(const std::string& value,
                                                 const std::string& model_path);

// `threads` compute, and convert weights for other devices, shared with whom the caller likes.
// Where n-grams stand in for a bad file, which they cannot where there is a tree shape, what is
// wrong with it is logged. Errors are those of DrafterFile::Open, ChimeraDraftModel::Create and
// CreateCudaDraftNetwork (common/backend/cuda_backend_creation.h), and of a wrong value of the
// environment variable CHIMERA_CPU_ISA (common/cpu/cpu_isa.h). INVALID_ARGUMENT also if n-grams are
// to have a tree shape, and for an unknown device.
absl::StatusOr<std::unique_ptr<DraftModel>> MakeDraftModel(const DrafterConfig& config,
                                                           std::shared_ptr<const LlamaModel> target,
                                                           std::shared_ptr<ThreadPool> threads);

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_DRAFT_MODEL_FACTORY_H_
