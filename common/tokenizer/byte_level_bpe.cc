#include "common/tokenizer/byte_level_bpe.h"

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/model/printable.h"
#include "common/tokenizer/byte_alphabet.h"
#include "common/tokenizer/utf8.h"

namespace chimera {

struct ByteLevelBpe::Encoding {
  std::vector<int32_t> ids;
  std::vector<int32_t> word;  // tokens of the bytes of the current word
  BpeMerger::Scratch scratch;
};

absl::StatusOr<std::unique_ptr<ByteLevelBpe>> ByteLevelBpe::Create(const Vocabulary& vocabulary) {
  CHIMERA_ASSIGN_OR_RETURN(PreTokenizer pre_tokenizer,
                           PreTokenizer::Create(vocabulary.pre_tokenizer));
  std::unique_ptr<ByteLevelBpe> tokenizer(new ByteLevelBpe(std::move(pre_tokenizer)));
  CHIMERA_RETURN_IF_ERROR(tokenizer->AddTokens(vocabulary));
  CHIMERA_RETURN_IF_ERROR(tokenizer->AddMerges(vocabulary));
  tokenizer->AddWholeWords(vocabulary);
  tokenizer->bos_id_ = vocabulary.bos_id;
  tokenizer->eos_id_ = vocabulary.eos_id;
  tokenizer->add_bos_ = vocabulary.add_bos && vocabulary.bos_id >= 0;
  return tokenizer;
}

absl::Status ByteLevelBpe::AddTokens(const Vocabulary& vocabulary) {
  byte_tokens_.fill(-1);
  for (size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    const TokenType type = vocabulary.types[i];
    is_control_.push_back(type == TokenType::kControl);
    if (type != TokenType::kNormal) {
      // Only normal tokens are written in the byte alphabet.
      token_bytes_.push_back(vocabulary.tokens[i]);
      if (type == TokenType::kControl || type == TokenType::kUserDefined) {
        special_tokens_.Add(vocabulary.tokens[i], static_cast<int32_t>(i));
      }
      continue;
    }
    std::optional<std::string> bytes = BytesFromAlphabet(vocabulary.tokens[i]);
    if (!bytes.has_value() || bytes->empty()) {
      return absl::InvalidArgumentError(absl::StrCat("token ", i, " \"",
                                                     Printable(vocabulary.tokens[i]),
                                                     "\" is not written in the byte alphabet"));
    }
    if (bytes->size() == 1) {
      byte_tokens_[static_cast<uint8_t>(bytes->front())] = static_cast<int32_t>(i);
    }
    token_bytes_.push_back(*std::move(bytes));
  }
  return absl::OkStatus();
}

absl::Status ByteLevelBpe::AddMerges(const Vocabulary& vocabulary) {
  absl::flat_hash_map<absl::string_view, int32_t> ids;
  for (size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    if (vocabulary.types[i] != TokenType::kNormal) continue;
    if (!ids.try_emplace(vocabulary.tokens[i], static_cast<int32_t>(i)).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("token ", i, " \"", Printable(vocabulary.tokens[i]), "\" occurs twice"));
    }
  }
  for (size_t rank = 0; rank < vocabulary.merges.size(); ++rank) {
    const std::string& merge = vocabulary.merges[rank];
    const size_t space = merge.find(' ');
    const absl::string_view left = absl::string_view(merge).substr(0, space);
    const absl::string_view right =
        space == std::string::npos ? "" : absl::string_view(merge).substr(space + 1);
    const auto left_id = ids.find(left);
    const auto right_id = ids.find(right);
    const auto merged_id = ids.find(absl::StrCat(left, right));
    if (left_id == ids.end() || right_id == ids.end() || merged_id == ids.end()) {
      return absl::InvalidArgumentError(absl::StrCat("merge ", rank, " \"", Printable(merge),
                                                     "\" does not join two tokens to a third"));
    }
    if (!merger_.Add({left_id->second, right_id->second, merged_id->second})) {
      return absl::InvalidArgumentError(
          absl::StrCat("merge ", rank, " \"", Printable(merge), "\" occurs twice"));
    }
  }
  return absl::OkStatus();
}

void ByteLevelBpe::AddWholeWords(const Vocabulary& vocabulary) {
  Encoding encoding;
  for (size_t i = 0; i < token_bytes_.size(); ++i) {
    if (vocabulary.types[i] != TokenType::kNormal) continue;
    encoding.ids.clear();
    if (!pre_tokenizer_.ignores_merges()) MergeWord(token_bytes_[i], &encoding);
    const auto id = static_cast<int32_t>(i);
    if (pre_tokenizer_.ignores_merges() || encoding.ids == std::vector<int32_t>{id}) {
      whole_words_.emplace(token_bytes_[i], id);
    }
  }
}

absl::StatusOr<std::vector<int32_t>> ByteLevelBpe::Encode(absl::string_view text,
                                                          SpecialTokens special_tokens) const {
  if (text.size() > kMaxTextBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("text of ", text.size(), " bytes; the limit is ", kMaxTextBytes));
  }
  Encoding encoding;
  if (add_bos_) encoding.ids.push_back(bos_id_);
  size_t begin = 0;
  if (special_tokens == SpecialTokens::kParse) {
    while (const auto match = special_tokens_.Find(text, begin)) {
      CHIMERA_RETURN_IF_ERROR(EncodeText(text.substr(begin, match->begin - begin), &encoding));
      encoding.ids.push_back(match->token);
      begin = match->begin + match->size;
    }
  }
  CHIMERA_RETURN_IF_ERROR(EncodeText(text.substr(begin), &encoding));
  return std::move(encoding.ids);
}

absl::Status ByteLevelBpe::EncodeText(absl::string_view text, Encoding* encoding) const {
  while (!text.empty()) {
    const size_t valid = ValidUtf8Prefix(text);
    CHIMERA_RETURN_IF_ERROR(pre_tokenizer_.Split(
        text.substr(0, valid),
        [this, encoding](absl::string_view word) { EncodeWord(word, encoding); }));
    text.remove_prefix(valid);
    if (text.empty()) break;
    const Utf8Sequence invalid = NextUtf8(text);
    for (const char byte : text.substr(0, invalid.size)) {
      EncodeWord(absl::string_view(&byte, 1), encoding);
    }
    text.remove_prefix(invalid.size);
  }
  return absl::OkStatus();
}

void ByteLevelBpe::EncodeWord(absl::string_view word, Encoding* encoding) const {
  const auto whole = whole_words_.find(word);
  if (whole != whole_words_.end()) {
    encoding->ids.push_back(whole->second);
  } else {
    MergeWord(word, encoding);
  }
}

void ByteLevelBpe::MergeWord(absl::string_view word, Encoding* encoding) const {
  encoding->word.clear();
  for (const char byte : word) {
    const int32_t token = byte_tokens_[static_cast<uint8_t>(byte)];
    if (token >= 0) encoding->word.push_back(token);
  }
  merger_.Merge(encoding->word, &encoding->scratch, &encoding->ids);
}

absl::string_view ByteLevelBpe::TokenBytes(int32_t token) const {
  CHIMERA_CHECK(token >= 0 && token < vocab_size()) << token;
  return token_bytes_[token];
}

bool ByteLevelBpe::IsControl(int32_t token) const {
  CHIMERA_CHECK(token >= 0 && token < vocab_size()) << token;
  return is_control_[token];
}

}  // namespace chimera
