// What a GGUF file says about its tokens.

#ifndef CHIMERA_COMMON_MODEL_VOCABULARY_GGUF_H_
#define CHIMERA_COMMON_MODEL_VOCABULARY_GGUF_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/model/gguf_metadata.h"
#include "common/model/vocabulary.h"

namespace chimera {

// Reads the tokenizer.* keys. INVALID_ARGUMENT, naming the key, for a missing one, a length other
// than `vocab_size` or a token id outside it; UNIMPLEMENTED for a tokenizer that is not byte-level
// BPE.
absl::StatusOr<Vocabulary> ReadVocabulary(const GgufMetadata& metadata, int32_t vocab_size);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_VOCABULARY_GGUF_H_
