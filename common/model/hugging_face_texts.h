// The texts of a Hugging Face folder: what it says about a model beside its weights.

#ifndef CHIMERA_COMMON_MODEL_HUGGING_FACE_TEXTS_H_
#define CHIMERA_COMMON_MODEL_HUGGING_FACE_TEXTS_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace chimera {

// As the files have them, unchecked; nothing where there is no such file.
struct HuggingFaceTexts {
  std::string config;                            // config.json
  std::string tokenizer;                         // tokenizer.json
  std::optional<std::string> tokenizer_config;   // tokenizer_config.json
  std::optional<std::string> generation_config;  // generation_config.json
  std::optional<std::string> chat_template;      // chat_template.jinja
};

// Reads them from `folder`. NOT_FOUND, naming it, if config.json or tokenizer.json is missing;
// INVALID_ARGUMENT for a file over kMaxJsonBytes; other errors as the system says.
absl::StatusOr<HuggingFaceTexts> ReadHuggingFaceTexts(const std::string& folder);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_HUGGING_FACE_TEXTS_H_
