#include "common/model/vocabulary_hugging_face.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/model/json_document.h"
#include "common/model/printable.h"
#include "common/model/tokenizer_json.h"

namespace chimera {
namespace {

constexpr char kTokenizerConfig[] = "tokenizer_config.json";
constexpr char kChatTemplate[] = "chat_template";
constexpr char kAddBos[] = "add_bos_token";

// What lies around tokenizer.json.
struct Surroundings {
  JsonDocument tokenizer_config;
  JsonDocument config;
  JsonDocument generation_config;
};

absl::StatusOr<JsonDocument> ParseIfThere(const char* file,
                                          const std::optional<std::string>& text) {
  return JsonDocument::Parse(file, text.has_value() ? *text : "{}");
}

absl::StatusOr<Surroundings> ParseSurroundings(const HuggingFaceTexts& texts) {
  CHIMERA_ASSIGN_OR_RETURN(JsonDocument tokenizer_config,
                           ParseIfThere(kTokenizerConfig, texts.tokenizer_config));
  CHIMERA_ASSIGN_OR_RETURN(JsonDocument config, JsonDocument::Parse("config.json", texts.config));
  CHIMERA_ASSIGN_OR_RETURN(JsonDocument generation_config,
                           ParseIfThere("generation_config.json", texts.generation_config));
  return Surroundings{std::move(tokenizer_config), std::move(config), std::move(generation_config)};
}

// The text of a special token, written as such or as an object.
absl::StatusOr<std::optional<std::string>> ReadTokenText(const JsonObject& tokenizer_config,
                                                         const std::string& key) {
  const nlohmann::json* const value = tokenizer_config.Find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  if (!value->is_object()) return tokenizer_config.Error(key, "must be a string or an object");
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<JsonObject> token, tokenizer_config.Object(key));
  CHIMERA_ASSIGN_OR_RETURN(const absl::string_view content,
                           Required(token->String("content"), *token, "content"));
  return std::string(content);
}

std::optional<int32_t> FindAddedToken(const Vocabulary& vocabulary, const std::string& text) {
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenType type = vocabulary.types[id];
    const bool is_added = type == TokenType::kControl || type == TokenType::kUserDefined;
    if (is_added && vocabulary.tokens[id] == text) return static_cast<int32_t>(id);
  }
  return std::nullopt;
}

// Nothing for a list of several ids and for a negative one, which stands for none.
absl::StatusOr<std::optional<int32_t>> ReadTokenId(const JsonObject& config, const std::string& key,
                                                   size_t vocab_size) {
  const nlohmann::json* const value = config.Find(key);
  if (value != nullptr && value->is_array()) return std::nullopt;
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<int64_t> id, config.Integer(key));
  if (id.value_or(-1) < 0) return std::nullopt;
  if (*id >= static_cast<int64_t>(vocab_size)) {
    return config.Error(key, absl::StrCat("is ", *id, ", must be in [0, ", vocab_size, ")"));
  }
  return static_cast<int32_t>(*id);
}

// The id of the "bos", "eos" or "pad" token; -1 if there is none.
absl::StatusOr<int32_t> ReadSpecialToken(const Surroundings& files, const std::string& kind,
                                         const Vocabulary& vocabulary) {
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                           ReadTokenText(files.tokenizer_config.root(), kind + "_token"));
  std::optional<int32_t> id;
  if (text.has_value()) id = FindAddedToken(vocabulary, *text);
  for (const JsonDocument* file : {&files.config, &files.generation_config}) {
    if (id.has_value()) break;
    CHIMERA_ASSIGN_OR_RETURN(
        id, ReadTokenId(file->root(), kind + "_token_id", vocabulary.tokens.size()));
  }
  return id.value_or(-1);
}

absl::StatusOr<std::string> ReadChatTemplate(const JsonObject& tokenizer_config,
                                             const std::optional<std::string>& jinja_file) {
  const nlohmann::json* const value = tokenizer_config.Find(kChatTemplate);
  if (value == nullptr) return jinja_file.value_or("");
  if (value->is_string()) return value->get<std::string>();
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<JsonObject> templates,
                           tokenizer_config.Objects(kChatTemplate));
  for (const JsonObject& named : templates) {
    CHIMERA_ASSIGN_OR_RETURN(const std::optional<absl::string_view> name, named.String("name"));
    if (name != "default") continue;
    CHIMERA_ASSIGN_OR_RETURN(const absl::string_view source,
                             Required(named.String("template"), named, "template"));
    return std::string(source);
  }
  return std::string();
}

absl::StatusOr<bool> ReadAddBos(const JsonObject& tokenizer_config,
                                const std::optional<std::string>& first_token,
                                const Vocabulary& vocabulary) {
  CHIMERA_RETURN_IF_ERROR(tokenizer_config.RequireNeutral("add_eos_token", false));
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<bool> add, tokenizer_config.Bool(kAddBos));
  if (!add.value_or(first_token.has_value())) return false;
  if (vocabulary.bos_id < 0) {
    return absl::InvalidArgumentError(
        "no file names the bos token, but a text is to have it in front");
  }
  const std::string& bos = vocabulary.tokens[vocabulary.bos_id];
  if (first_token.value_or(bos) != bos) {
    return absl::UnimplementedError(
        absl::StrCat("tokenizer.json: key post_processor puts \"", Printable(*first_token),
                     "\" in front of a text; supported: the bos token, \"", Printable(bos), "\""));
  }
  return true;
}

}  // namespace

absl::StatusOr<Vocabulary> ReadHuggingFaceVocabulary(const HuggingFaceTexts& texts,
                                                     int32_t vocab_size) {
  CHIMERA_ASSIGN_OR_RETURN(TokenizerJson tokenizer, ReadTokenizerJson(texts.tokenizer, vocab_size));
  CHIMERA_ASSIGN_OR_RETURN(const Surroundings files, ParseSurroundings(texts));
  Vocabulary vocabulary = std::move(tokenizer.vocabulary);
  CHIMERA_ASSIGN_OR_RETURN(vocabulary.bos_id, ReadSpecialToken(files, "bos", vocabulary));
  CHIMERA_ASSIGN_OR_RETURN(vocabulary.eos_id, ReadSpecialToken(files, "eos", vocabulary));
  CHIMERA_ASSIGN_OR_RETURN(vocabulary.padding_id, ReadSpecialToken(files, "pad", vocabulary));
  const JsonObject tokenizer_config = files.tokenizer_config.root();
  CHIMERA_ASSIGN_OR_RETURN(vocabulary.add_bos,
                           ReadAddBos(tokenizer_config, tokenizer.first_token, vocabulary));
  CHIMERA_ASSIGN_OR_RETURN(vocabulary.chat_template,
                           ReadChatTemplate(tokenizer_config, texts.chat_template));
  return vocabulary;
}

}  // namespace chimera
