#include "common/model/vocabulary_gguf.h"

#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "common/model/printable.h"

namespace chimera {
namespace {

constexpr absl::string_view kModel = "tokenizer.ggml.model";
constexpr absl::string_view kPreTokenizer = "tokenizer.ggml.pre";
constexpr absl::string_view kTokens = "tokenizer.ggml.tokens";
constexpr absl::string_view kTypes = "tokenizer.ggml.token_type";
constexpr absl::string_view kMerges = "tokenizer.ggml.merges";
constexpr absl::string_view kBosId = "tokenizer.ggml.bos_token_id";
constexpr absl::string_view kEosId = "tokenizer.ggml.eos_token_id";
constexpr absl::string_view kPaddingId = "tokenizer.ggml.padding_token_id";
constexpr absl::string_view kAddBos = "tokenizer.ggml.add_bos_token";
constexpr absl::string_view kChatTemplate = "tokenizer.chat_template";

absl::Status CheckLength(absl::string_view key, size_t length, int32_t vocab_size) {
  if (length == static_cast<size_t>(vocab_size)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("key ", key, " has ", length, " entries, must be vocab_size ", vocab_size));
}

absl::StatusOr<std::vector<std::string>> ReadStrings(const GgufMetadata& metadata,
                                                     absl::string_view key) {
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<absl::string_view> views,
                           Required(metadata.StringArray(key), key));
  return std::vector<std::string>(views.begin(), views.end());
}

absl::Status CheckTokenSizes(const std::vector<std::string>& tokens) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].size() > kMaxTokenBytes) {
      return absl::InvalidArgumentError(absl::StrCat("key ", kTokens, " has the token ", i, " of ",
                                                     tokens[i].size(), " bytes, at most ",
                                                     kMaxTokenBytes));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TokenType>> ReadTypes(const GgufMetadata& metadata, int32_t vocab_size) {
  // In the order of the numbers in the file, which start at 1.
  constexpr TokenType kTypesByNumber[] = {TokenType::kNormal,  TokenType::kUnknown,
                                          TokenType::kControl, TokenType::kUserDefined,
                                          TokenType::kUnused,  TokenType::kByte};
  constexpr int32_t kLast = std::size(kTypesByNumber);
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<int32_t> numbers,
                           Required(metadata.Int32Array(kTypes), kTypes));
  CHIMERA_RETURN_IF_ERROR(CheckLength(kTypes, numbers.size(), vocab_size));
  std::vector<TokenType> types;
  types.reserve(numbers.size());
  for (const int32_t number : numbers) {
    if (number < 1 || number > kLast) {
      return absl::InvalidArgumentError(absl::StrCat("key ", kTypes, " has the entry ", number,
                                                     " for token ", types.size(),
                                                     ", must be from 1 to ", kLast));
    }
    types.push_back(kTypesByNumber[number - 1]);
  }
  return types;
}

absl::StatusOr<int32_t> ReadTokenId(const GgufMetadata& metadata, absl::string_view key,
                                    int32_t vocab_size) {
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<int64_t> id, metadata.Integer(key));
  if (!id.has_value()) return -1;
  if (*id < 0 || *id >= vocab_size) {
    return absl::InvalidArgumentError(
        absl::StrCat("key ", key, " is ", *id, ", must be in [0, ", vocab_size, ")"));
  }
  return static_cast<int32_t>(*id);
}

// Older LLaMA 3 files leave the key out although their models expect the token.
absl::StatusOr<bool> ReadAddBos(const GgufMetadata& metadata, absl::string_view pre_tokenizer) {
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<bool> add_bos, metadata.Bool(kAddBos));
  return add_bos.value_or(pre_tokenizer == "llama-bpe");
}

}  // namespace

absl::StatusOr<Vocabulary> ReadVocabulary(const GgufMetadata& metadata, int32_t vocab_size) {
  CHIMERA_ASSIGN_OR_RETURN(const absl::string_view model,
                           Required(metadata.String(kModel), kModel));
  if (model != "gpt2") {
    return absl::UnimplementedError(absl::StrCat("key ", kModel, " is \"", Printable(model),
                                                 "\"; supported: \"gpt2\" (byte-level BPE)"));
  }
  CHIMERA_ASSIGN_OR_RETURN(const absl::string_view pre_tokenizer,
                           Required(metadata.String(kPreTokenizer), kPreTokenizer));
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<absl::string_view> chat_template,
                           metadata.String(kChatTemplate));
  Vocabulary vocabulary;
  vocabulary.tokenizer_model = std::string(model);
  vocabulary.pre_tokenizer = std::string(pre_tokenizer);
  vocabulary.chat_template = std::string(chat_template.value_or(""));
  CHIMERA_ASSIGN_OR_RETURN(vocabulary.tokens, ReadStrings(metadata, kTokens));
  CHIMERA_RETURN_IF_ERROR(CheckLength(kTokens, vocabulary.tokens.size(), vocab_size));
  CHIMERA_RETURN_IF_ERROR(CheckTokenSizes(vocabulary.tokens));
  CHIMERA_ASSIGN_OR_RETURN(vocabulary.types, ReadTypes(metadata, vocab_size));
  CHIMERA_ASSIGN_OR_RETURN(vocabulary.merges, ReadStrings(metadata, kMerges));
  CHIMERA_ASSIGN_OR_RETURN(vocabulary.bos_id, ReadTokenId(metadata, kBosId, vocab_size));
  CHIMERA_ASSIGN_OR_RETURN(vocabulary.eos_id, ReadTokenId(metadata, kEosId, vocab_size));
  CHIMERA_ASSIGN_OR_RETURN(vocabulary.padding_id, ReadTokenId(metadata, kPaddingId, vocab_size));
  CHIMERA_ASSIGN_OR_RETURN(vocabulary.add_bos, ReadAddBos(metadata, pre_tokenizer));
  if (vocabulary.add_bos && vocabulary.bos_id < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the file lacks the key ", kBosId, ", but asks for the token to be added"));
  }
  return vocabulary;
}

}  // namespace chimera
