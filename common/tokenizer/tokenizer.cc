#include "common/tokenizer/tokenizer.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/model/printable.h"
#include "common/tokenizer/byte_level_bpe.h"

namespace chimera {

absl::StatusOr<std::unique_ptr<Tokenizer>> Tokenizer::Create(const Vocabulary& vocabulary) {
  if (vocabulary.tokenizer_model == "gpt2") return ByteLevelBpe::Create(vocabulary);
  return absl::UnimplementedError(absl::StrCat("tokenizer model \"",
                                               Printable(vocabulary.tokenizer_model),
                                               "\" is not supported; supported: gpt2"));
}

absl::StatusOr<std::string> Tokenizer::Decode(std::span<const int32_t> tokens) const {
  std::string bytes;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] < 0 || tokens[i] >= vocab_size()) {
      return absl::InvalidArgumentError(absl::StrCat("token id ", tokens[i], " at index ", i,
                                                     " is not in [0, ", vocab_size(), ")"));
    }
    const absl::string_view token = TokenBytes(tokens[i]);
    bytes.append(token.data(), token.size());
  }
  return bytes;
}

}  // namespace chimera
