// Tokenizers that are there without a model file.

#ifndef CHIMERA_TESTS_FUZZ_TINY_TOKENIZER_H_
#define CHIMERA_TESTS_FUZZ_TINY_TOKENIZER_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "common/tokenizer/chat_template.h"
#include "common/tokenizer/tokenizer.h"
#include "tests/testing/tiny_llama.h"

namespace chimera::testing {

// As many tokens as a tiny vocabulary can have.
inline constexpr int32_t kTinyTokenizerSize = 800;

// The tiny vocabulary's tokenizer, which has a token for every byte, with another pre-tokenizer.
inline std::unique_ptr<Tokenizer> MakeTinyTokenizer(absl::string_view pre_tokenizer = "smollm") {
  Vocabulary vocabulary = TinyVocabulary(kTinyTokenizerSize);
  vocabulary.pre_tokenizer = std::string(pre_tokenizer);
  return Tokenizer::Create(vocabulary).value();
}

// Its chat template: ChatML with a system line of its own.
inline ChatTemplate MakeTinyChatTemplate() {
  return ChatTemplate::Create(TinyVocabulary(kTinyTokenizerSize).chat_template).value();
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_FUZZ_TINY_TOKENIZER_H_
