// What a Hugging Face folder says about its tokens.

#ifndef CHIMERA_COMMON_MODEL_VOCABULARY_HUGGING_FACE_H_
#define CHIMERA_COMMON_MODEL_VOCABULARY_HUGGING_FACE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/model/hugging_face_texts.h"
#include "common/model/vocabulary.h"

namespace chimera {

// Reads tokenizer.json and what the other files say beside it, by the rules of the conversion to
// GGUF, so that a model has one identity in both forms:
// - bos, eos and padding are the added tokens that tokenizer_config.json names, else the numbers in
//   config.json, else those in generation_config.json (a list of several counts as no number);
// - bos is added as tokenizer_config.json says, else as the post-processor does;
// - the chat template is that of tokenizer_config.json, of several the one named "default", else
//   chat_template.jinja.
// Errors as ReadTokenizerJson, and INVALID_ARGUMENT for an id outside the vocabulary, UNIMPLEMENTED
// where a text gets another token than bos in front or one behind. REQUIRES: vocab_size > 0.
absl::StatusOr<Vocabulary> ReadHuggingFaceVocabulary(const HuggingFaceTexts& texts,
                                                     int32_t vocab_size);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_VOCABULARY_HUGGING_FACE_H_
