#include "tools/chimera_generate/prompt_file.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace chimera {
namespace {

using Json = nlohmann::json;

// Sets *value to the member, if there is one.
template <typename T>
absl::Status ReadNumber(const Json& line, const char* name, T* value) {
  const auto member = line.find(name);
  if (member == line.end()) return absl::OkStatus();
  if (!member->is_number() || (std::is_integral_v<T> && !member->is_number_integer())) {
    return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is not a number of its kind"));
  }
  *value = member->get<T>();
  return absl::OkStatus();
}

// The token ids of a member that is there.
absl::StatusOr<std::vector<int32_t>> ReadTokenIds(const Json& line, const char* name,
                                                  int32_t vocab_size) {
  const Json& member = line.at(name);
  if (!member.is_array() || member.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is not a list of token ids"));
  }
  std::vector<int32_t> token_ids;
  for (const Json& token : member) {
    if (!token.is_number_integer() || token < 0 || token >= vocab_size) {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", name, "\" has ", token.dump(), ", must be token ids in [0, ", vocab_size - 1, "]"));
    }
    token_ids.push_back(token.get<int32_t>());
  }
  return token_ids;
}

absl::StatusOr<std::vector<int32_t>> Encode(const Json& line, const Tokenizer& tokenizer,
                                            const ChatTemplate* chat_template) {
  if (line.contains("prompt_ids")) {
    return ReadTokenIds(line, "prompt_ids", tokenizer.vocab_size());
  }
  if (const auto raw = line.find("raw"); raw != line.end() && raw->is_string()) {
    return tokenizer.Encode(raw->get<std::string>(), SpecialTokens::kParse);
  }
  const auto prompt = line.find("prompt");
  if (prompt == line.end() || !prompt->is_string()) {
    return absl::InvalidArgumentError(
        "neither \"prompt\" nor \"raw\" is a string, and there are no \"prompt_ids\"");
  }
  if (chat_template == nullptr) {
    return absl::InvalidArgumentError(
        "\"prompt\" needs a model with a chat template; give \"raw\"");
  }
  const ChatMessage message = {"user", prompt->get<std::string>()};
  return chat_template->Encode({&message, 1}, tokenizer);
}

absl::StatusOr<GenerationPrompt> ParseLine(const std::string& text, const Tokenizer& tokenizer,
                                           const ChatTemplate* chat_template, int32_t max_tokens) {
  const Json line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!line.is_object()) return absl::InvalidArgumentError("not a JSON object");
  GenerationPrompt prompt;
  prompt.max_tokens = max_tokens;
  CHIMERA_ASSIGN_OR_RETURN(prompt.token_ids, Encode(line, tokenizer, chat_template));
  CHIMERA_RETURN_IF_ERROR(ReadNumber(line, "temperature", &prompt.sampling.temperature));
  CHIMERA_RETURN_IF_ERROR(ReadNumber(line, "top_k", &prompt.sampling.top_k));
  CHIMERA_RETURN_IF_ERROR(ReadNumber(line, "min_p", &prompt.sampling.min_p));
  CHIMERA_RETURN_IF_ERROR(ReadNumber(line, "top_p", &prompt.sampling.top_p));
  CHIMERA_RETURN_IF_ERROR(ReadNumber(line, "seed", &prompt.sampling.seed));
  CHIMERA_RETURN_IF_ERROR(ReadNumber(line, "max_tokens", &prompt.max_tokens));
  CHIMERA_RETURN_IF_ERROR(ValidateSamplingParams(prompt.sampling));
  if (line.contains("response_ids")) {
    CHIMERA_ASSIGN_OR_RETURN(prompt.response_ids,
                             ReadTokenIds(line, "response_ids", tokenizer.vocab_size()));
  }
  if (prompt.token_ids.empty()) return absl::InvalidArgumentError("the prompt is empty");
  if (prompt.max_tokens < 1) return absl::InvalidArgumentError("\"max_tokens\" must be positive");
  return prompt;
}

}  // namespace

absl::StatusOr<std::vector<GenerationPrompt>> ReadPromptFile(const std::string& path,
                                                             const Tokenizer& tokenizer,
                                                             const ChatTemplate* chat_template,
                                                             int32_t max_tokens) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  std::vector<GenerationPrompt> prompts;
  std::string text;
  for (int64_t index = 0; std::getline(file, text); ++index) {
    absl::StatusOr<GenerationPrompt> prompt = ParseLine(text, tokenizer, chat_template, max_tokens);
    if (!prompt.ok()) {
      return absl::Status(prompt.status().code(),
                          absl::StrCat(path, ":", index + 1, ": ", prompt.status().message()));
    }
    prompt->index = index;
    prompts.push_back(*std::move(prompt));
  }
  return prompts;
}

}  // namespace chimera
