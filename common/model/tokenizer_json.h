// Reads tokenizer.json, the file of Hugging Face's `tokenizers`.

#ifndef CHIMERA_COMMON_MODEL_TOKENIZER_JSON_H_
#define CHIMERA_COMMON_MODEL_TOKENIZER_JSON_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/model/json_document.h"
#include "common/model/vocabulary.h"

namespace chimera {

// What the file says; it does not name the tokens that begin and end a text.
struct TokenizerJson {
  Vocabulary vocabulary;  // tokenizer_model, pre_tokenizer, tokens, types and merges
  // What is put in front of every text; nothing if nothing is.
  std::optional<std::string> first_token;
};

// Reads `text`. Ids below `vocab_size` that have no token get the unused token "[PAD<id>]", as in a
// conversion to GGUF. UNIMPLEMENTED, naming the key and what is supported, for what is not
// byte-level BPE as Chimera knows it; INVALID_ARGUMENT for a missing key, for tokens that share an
// id or have one beyond `vocab_size`, and for merges that are not two texts.
// REQUIRES: vocab_size > 0.
absl::StatusOr<TokenizerJson> ReadTokenizerJson(absl::string_view text, int32_t vocab_size);

// The name that Chimera and GGUF have for the pre-tokenizer in `tokenizer`, the root of the file:
// "smollm", "gpt-2" or "llama-bpe". UNIMPLEMENTED for another one, and where it is together with
// another `model.ignore_merges` than Chimera's.
absl::StatusOr<std::string> ReadPreTokenizerName(const JsonObject& tokenizer);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_TOKENIZER_JSON_H_
