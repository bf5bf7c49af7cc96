#include "common/model/tokenizer_json.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/model/printable.h"

namespace chimera {
namespace {

constexpr char kModel[] = "model";
constexpr char kVocab[] = "vocab";
constexpr char kMerges[] = "merges";

absl::Status CheckModel(const JsonObject& model) {
  // Old files leave the type out.
  CHIMERA_RETURN_IF_ERROR(model.RequireNeutral("type", "BPE"));
  CHIMERA_RETURN_IF_ERROR(model.RequireNeutral("byte_fallback", false));
  CHIMERA_RETURN_IF_ERROR(model.RequireNeutral("dropout", 0.0));
  // Bytes without a token are left out, see ByteLevelBpe.
  CHIMERA_RETURN_IF_ERROR(model.RequireNeutral("unk_token", nullptr));
  CHIMERA_RETURN_IF_ERROR(model.RequireNeutral("continuing_subword_prefix", ""));
  return model.RequireNeutral("end_of_word_suffix", "");
}

// What happens to a text before and after the model.
absl::Status CheckAround(const JsonObject& tokenizer) {
  CHIMERA_RETURN_IF_ERROR(tokenizer.RequireNeutral("normalizer", nullptr));
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<JsonObject> decoder, tokenizer.Object("decoder"));
  return decoder.has_value() ? decoder->RequireNeutral("type", "ByteLevel") : absl::OkStatus();
}

// Fills the vocabulary's tokens and types, and remembers which ids have one.
class TokenTable {
 public:
  TokenTable(int32_t vocab_size, Vocabulary* vocabulary)
      : vocabulary_(vocabulary), has_token_(vocab_size, false) {
    vocabulary->tokens.resize(vocab_size);
    vocabulary->types.resize(vocab_size, TokenType::kUnused);
  }

  // `where` has the token, for messages.
  absl::Status Add(const std::string& text, int64_t id, TokenType type, const std::string& where) {
    if (id < 0 || id >= static_cast<int64_t>(has_token_.size())) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, " has the id ", id, ", must be in [0, ", has_token_.size(), ")"));
    }
    if (text.empty() || text.size() > kMaxTokenBytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          where, " is a token of ", text.size(), " bytes, must have from 1 to ", kMaxTokenBytes));
    }
    if (has_token_[id] && vocabulary_->tokens[id] != text) {
      return absl::InvalidArgumentError(absl::StrCat(where, " has the id ", id, " of \"",
                                                     Printable(vocabulary_->tokens[id]), "\""));
    }
    has_token_[id] = true;
    vocabulary_->tokens[id] = text;
    vocabulary_->types[id] = type;
    return absl::OkStatus();
  }

  void FillGaps() {
    for (size_t id = 0; id < has_token_.size(); ++id) {
      if (!has_token_[id]) vocabulary_->tokens[id] = absl::StrCat("[PAD", id, "]");
    }
  }

 private:
  Vocabulary* const vocabulary_;
  std::vector<bool> has_token_;
};

absl::Status AddVocab(const JsonObject& vocab, TokenTable* table) {
  for (const auto& [text, id] : vocab.members().items()) {
    CHIMERA_ASSIGN_OR_RETURN(const int64_t number, Required(vocab.Integer(text), vocab, text));
    CHIMERA_RETURN_IF_ERROR(table->Add(text, number, TokenType::kNormal, vocab.NameOf(text)));
  }
  return absl::OkStatus();
}

// Tokens that are found in a text before it is cut into words.
absl::Status AddAddedTokens(const JsonObject& tokenizer, const JsonObject& vocab,
                            TokenTable* table) {
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<JsonObject> added, tokenizer.Objects("added_tokens"));
  for (const JsonObject& token : added) {
    for (const char* key : {"single_word", "lstrip", "rstrip"}) {
      CHIMERA_RETURN_IF_ERROR(token.RequireNeutral(key, false));
    }
    CHIMERA_ASSIGN_OR_RETURN(const absl::string_view content,
                             Required(token.String("content"), token, "content"));
    const std::string text(content);
    CHIMERA_ASSIGN_OR_RETURN(const int64_t id, Required(token.Integer("id"), token, "id"));
    CHIMERA_ASSIGN_OR_RETURN(const std::optional<int64_t> other_id, vocab.Integer(text));
    if (other_id.value_or(id) != id) {
      return token.Error("id",
                         absl::StrCat("is ", id, ", but ", vocab.NameOf(text), " is ", *other_id));
    }
    CHIMERA_ASSIGN_OR_RETURN(const std::optional<bool> special, token.Bool("special"));
    const TokenType type = special.value_or(false) ? TokenType::kControl : TokenType::kUserDefined;
    CHIMERA_RETURN_IF_ERROR(table->Add(text, id, type, token.NameOf("content")));
  }
  return absl::OkStatus();
}

// "left right", whether written so or as a pair. Nothing if it is neither.
std::optional<std::string> ReadMerge(const nlohmann::json& merge) {
  if (merge.is_string()) return merge.get<std::string>();
  if (!merge.is_array() || merge.size() != 2) return std::nullopt;
  for (const nlohmann::json& part : merge) {
    // In the byte alphabet a space is another character.
    if (!part.is_string() || part.get_ref<const std::string&>().find(' ') != std::string::npos) {
      return std::nullopt;
    }
  }
  return absl::StrCat(merge[0].get_ref<const std::string&>(), " ",
                      merge[1].get_ref<const std::string&>());
}

absl::StatusOr<std::vector<std::string>> ReadMerges(const JsonObject& model) {
  const nlohmann::json* const list = model.Find(kMerges);
  if (list == nullptr || !list->is_array()) return model.Error(kMerges, "must be an array");
  std::vector<std::string> merges;
  merges.reserve(list->size());
  for (const nlohmann::json& entry : *list) {
    std::optional<std::string> merge = ReadMerge(entry);
    if (!merge.has_value()) {
      return model.Error(absl::StrCat(kMerges, "[", merges.size(), "]"),
                         "must be \"left right\" or [\"left\", \"right\"]");
    }
    merges.push_back(*std::move(merge));
  }
  return merges;
}

// Of a template such as "<|begin_of_text|> A".
absl::StatusOr<std::optional<std::string>> FirstOfTemplate(const JsonObject& processor) {
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<JsonObject> pieces, processor.Objects("single"));
  const bool has_sequence_last = !pieces.empty() && pieces.back().Has("Sequence");
  if (has_sequence_last && pieces.size() == 1) return std::nullopt;
  if (has_sequence_last && pieces.size() == 2 && pieces[0].Has("SpecialToken")) {
    CHIMERA_ASSIGN_OR_RETURN(const std::optional<JsonObject> special,
                             pieces[0].Object("SpecialToken"));
    CHIMERA_ASSIGN_OR_RETURN(const absl::string_view id,
                             Required(special->String("id"), *special, "id"));
    return std::optional<std::string>(std::string(id));
  }
  return absl::UnimplementedError(absl::StrCat(
      processor.NameOf("single"), "; supported: the text, alone or with one token in front"));
}

absl::StatusOr<std::optional<std::string>> ReadFirstToken(const JsonObject& processor) {
  CHIMERA_ASSIGN_OR_RETURN(const absl::string_view type,
                           Required(processor.String("type"), processor, "type"));
  if (type == "ByteLevel") return std::nullopt;  // moves offsets, which Chimera does not have
  if (type == "TemplateProcessing") return FirstOfTemplate(processor);
  return absl::UnimplementedError(
      absl::StrCat(processor.NameOf("type"), " is \"", Printable(type),
                   "\"; supported: ByteLevel, TemplateProcessing and a Sequence of these"));
}

absl::StatusOr<std::optional<std::string>> ReadPostProcessor(const JsonObject& tokenizer) {
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<JsonObject> processor,
                           tokenizer.Object("post_processor"));
  if (!processor.has_value()) return std::nullopt;
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<absl::string_view> type, processor->String("type"));
  if (type != "Sequence") return ReadFirstToken(*processor);
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<JsonObject> steps, processor->Objects("processors"));
  std::optional<std::string> first;
  for (const JsonObject& step : steps) {
    CHIMERA_ASSIGN_OR_RETURN(std::optional<std::string> token, ReadFirstToken(step));
    if (!token.has_value()) continue;
    if (first.has_value()) return processor->Error("processors", "puts two tokens in front");
    first = std::move(token);
  }
  return first;
}

}  // namespace

absl::StatusOr<TokenizerJson> ReadTokenizerJson(absl::string_view text, int32_t vocab_size) {
  CHIMERA_ASSIGN_OR_RETURN(const JsonDocument document,
                           JsonDocument::Parse("tokenizer.json", text));
  const JsonObject root = document.root();
  CHIMERA_ASSIGN_OR_RETURN(const JsonObject model, Required(root.Object(kModel), root, kModel));
  CHIMERA_RETURN_IF_ERROR(CheckModel(model));
  CHIMERA_RETURN_IF_ERROR(CheckAround(root));
  TokenizerJson tokenizer;
  Vocabulary& vocabulary = tokenizer.vocabulary;
  vocabulary.tokenizer_model = "gpt2";
  CHIMERA_ASSIGN_OR_RETURN(vocabulary.pre_tokenizer, ReadPreTokenizerName(root));
  CHIMERA_ASSIGN_OR_RETURN(const JsonObject vocab, Required(model.Object(kVocab), model, kVocab));
  TokenTable table(vocab_size, &vocabulary);
  CHIMERA_RETURN_IF_ERROR(AddVocab(vocab, &table));
  CHIMERA_RETURN_IF_ERROR(AddAddedTokens(root, vocab, &table));
  table.FillGaps();
  CHIMERA_ASSIGN_OR_RETURN(vocabulary.merges, ReadMerges(model));
  CHIMERA_ASSIGN_OR_RETURN(tokenizer.first_token, ReadPostProcessor(root));
  return tokenizer;
}

}  // namespace chimera
