// What must hold of whatever a reader of model files returns.

#ifndef CHIMERA_TESTS_FUZZ_MODEL_ORACLE_H_
#define CHIMERA_TESTS_FUZZ_MODEL_ORACLE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/model/vocabulary.h"

namespace chimera::testing {

// Ends the process unless `status` blames the file, in printable words.
void CheckRefusal(const absl::Status& status);

// Ends the process unless the lists have `vocab_size` entries and the ids are within it.
void CheckVocabulary(const Vocabulary& vocabulary, int32_t vocab_size);

// A tokenizer may refuse the vocabulary; ends the process if one that does not fails at a text.
void UseVocabulary(const Vocabulary& vocabulary);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_FUZZ_MODEL_ORACLE_H_
