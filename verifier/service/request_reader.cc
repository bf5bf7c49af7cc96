#include "verifier/service/request_reader.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/proto_conversion.h"
#include "common/rpc/status_conversion.h"
#include "common/tokenizer/incremental_decoder.h"
#include "common/tree/token_tree.h"

namespace chimera {
namespace {

constexpr size_t kMaxTextBytes = size_t{4} << 20;
constexpr int kMaxMessages = 1024;
constexpr size_t kMaxRequestIdBytes = 128;
constexpr int kMaxStopStrings = 16;
constexpr size_t kMaxStopStringBytes = 256;
constexpr int kMaxStopTokens = 64;

absl::Status InvalidField(absl::string_view field, absl::string_view problem) {
  return ErrorWithReason(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_INVALID_FIELD, field,
                         absl::StrCat(field, " ", problem));
}

// Gives an error from below the service the code, reason and field that clients expect.
absl::Status WithField(const absl::Status& status, absl::string_view field) {
  return InvalidField(field, absl::StrCat("is refused: ", status.message()));
}

// As above for an error whose message begins with the path below `parent` of the offending field.
absl::Status WithFieldBelow(const absl::Status& status, absl::string_view parent) {
  const absl::string_view message(status.message().data(), status.message().size());
  const size_t end = std::min(message.find(' '), message.size());
  return InvalidField(absl::StrCat(parent, ".", message.substr(0, end)),
                      absl::StripLeadingAsciiWhitespace(message.substr(end)));
}

template <typename Ids>
absl::Status CheckTokens(const Ids& ids, absl::string_view field, int32_t vocab_size) {
  for (int i = 0; i < static_cast<int>(ids.size()); ++i) {
    if (ids[i] < 0 || ids[i] >= vocab_size) {
      return InvalidField(absl::StrCat(field, "[", i, "]"),
                          absl::StrCat("is ", ids[i], ", must be in [0, ", vocab_size, ")"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRange(absl::string_view field, int32_t value, int32_t low, int32_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("is ", value, ", must be in [", low, ", ", high, "]"));
}

absl::StatusOr<SpeculationOptions> ReadSpeculation(const v1::SpeculationParams& speculation) {
  SpeculationOptions options;
  if (!v1::SpeculationMode_IsValid(speculation.mode())) {
    return InvalidField("speculation.mode", absl::StrCat("is ", speculation.mode(), ", unknown"));
  }
  options.enabled = speculation.mode() != v1::SPECULATION_MODE_OFF;
  if (speculation.has_max_nodes()) {
    options.max_nodes = speculation.max_nodes();
    CHIMERA_RETURN_IF_ERROR(
        CheckRange("speculation.max_nodes", options.max_nodes, 1, TokenTree::kMaxNodes - 1));
  }
  if (speculation.has_max_depth()) {
    options.max_depth = speculation.max_depth();
    CHIMERA_RETURN_IF_ERROR(
        CheckRange("speculation.max_depth", options.max_depth, 1, TokenTree::kMaxDepth));
  }
  return options;
}

}  // namespace

absl::StatusOr<GenerationRequest> RequestReader::ReadGenerate(
    const v1::GenerateRequest& request, const RequestDefaults& defaults) const {
  GenerationRequest result;
  if (request.request_id().size() > kMaxRequestIdBytes) {
    return InvalidField("request_id", absl::StrCat("has ", request.request_id().size(),
                                                   " bytes, at most ", kMaxRequestIdBytes));
  }
  result.id = request.request_id().empty() ? defaults.request_id : request.request_id();
  result.sampling = FromProto(request.sampling(), defaults.seed);
  const absl::Status sampling = ValidateSamplingParams(result.sampling);
  if (!sampling.ok()) return WithFieldBelow(sampling, "sampling");
  CHIMERA_ASSIGN_OR_RETURN(result.speculation, ReadSpeculation(request.speculation()));
  CHIMERA_ASSIGN_OR_RETURN(result.prompt, ReadPrompt(request));
  CHIMERA_ASSIGN_OR_RETURN(result.stop,
                           ReadStop(request.stop(), static_cast<int32_t>(result.prompt.size())));
  return result;
}

absl::StatusOr<std::vector<int32_t>> RequestReader::ReadPrompt(
    const v1::GenerateRequest& request) const {
  std::vector<int32_t> prompt;
  switch (request.prompt_case()) {
    case v1::GenerateRequest::kText: {
      CHIMERA_ASSIGN_OR_RETURN(prompt, EncodeText(request.text()));
      break;
    }
    case v1::GenerateRequest::kMessages: {
      CHIMERA_ASSIGN_OR_RETURN(prompt, EncodeMessages(request.messages()));
      break;
    }
    case v1::GenerateRequest::kTokenIds:
      CHIMERA_RETURN_IF_ERROR(
          CheckTokens(request.token_ids().ids(), "token_ids.ids", tokenizer_->vocab_size()));
      prompt.assign(request.token_ids().ids().begin(), request.token_ids().ids().end());
      break;
    case v1::GenerateRequest::PROMPT_NOT_SET:
      return InvalidField("prompt", "is required: text, messages or token_ids");
  }
  if (prompt.empty()) return InvalidField("prompt", "is empty, must have at least 1 token");
  const int32_t longest = context_limit_ - 1;
  if (static_cast<int64_t>(prompt.size()) > longest) {
    return ErrorWithReason(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_PROMPT_TOO_LONG,
                           "prompt",
                           absl::StrCat("prompt has ", prompt.size(), " tokens, at most ", longest,
                                        " fit into the context"));
  }
  return prompt;
}

absl::StatusOr<std::vector<int32_t>> RequestReader::EncodeText(const std::string& text) const {
  if (text.size() > kMaxTextBytes) {
    return InvalidField("text",
                        absl::StrCat("has ", text.size(), " bytes, at most ", kMaxTextBytes));
  }
  absl::StatusOr<std::vector<int32_t>> tokens = tokenizer_->Encode(text, SpecialTokens::kParse);
  if (!tokens.ok()) return WithField(tokens.status(), "text");
  return tokens;
}

absl::StatusOr<std::vector<int32_t>> RequestReader::EncodeMessages(
    const v1::ChatMessages& messages) const {
  if (messages.messages_size() < 1 || messages.messages_size() > kMaxMessages) {
    return InvalidField(
        "messages.messages",
        absl::StrCat("has ", messages.messages_size(), " entries, must have 1 to ", kMaxMessages));
  }
  std::vector<ChatMessage> conversation;
  conversation.reserve(messages.messages_size());
  size_t bytes = 0;
  for (const v1::ChatMessage& message : messages.messages()) {
    conversation.push_back({message.role(), message.content()});
    bytes += message.role().size() + message.content().size();
  }
  if (bytes > kMaxTextBytes) {
    return InvalidField("messages.messages",
                        absl::StrCat("has ", bytes, " bytes, at most ", kMaxTextBytes));
  }
  if (chat_template_ == nullptr) {
    return InvalidField("messages", "cannot be used: the model has no known chat template");
  }
  absl::StatusOr<std::vector<int32_t>> tokens = chat_template_->Encode(conversation, *tokenizer_);
  if (tokens.status().code() == absl::StatusCode::kInvalidArgument) {
    return WithFieldBelow(tokens.status(), "messages");
  }
  if (!tokens.ok()) return WithField(tokens.status(), "messages");
  return tokens;
}

absl::StatusOr<StopConditions> RequestReader::ReadStop(const v1::StopConditions& stop,
                                                       int32_t prompt_size) const {
  StopConditions result;
  const int32_t room = context_limit_ - prompt_size;
  result.max_tokens = room;
  if (stop.has_max_tokens()) {
    if (stop.max_tokens() < 1) {
      return InvalidField("stop.max_tokens",
                          absl::StrCat("is ", stop.max_tokens(), ", must be positive"));
    }
    result.max_tokens = std::min(room, stop.max_tokens());
  }
  if (stop.stop_strings_size() > kMaxStopStrings) {
    return InvalidField("stop.stop_strings", absl::StrCat("has ", stop.stop_strings_size(),
                                                          " entries, at most ", kMaxStopStrings));
  }
  for (int i = 0; i < stop.stop_strings_size(); ++i) {
    const std::string& text = stop.stop_strings(i);
    if (text.empty() || text.size() > kMaxStopStringBytes) {
      return InvalidField(
          absl::StrCat("stop.stop_strings[", i, "]"),
          absl::StrCat("has ", text.size(), " bytes, must have 1 to ", kMaxStopStringBytes));
    }
    result.stop_strings.push_back(text);
  }
  if (stop.stop_token_ids_size() > kMaxStopTokens) {
    return InvalidField("stop.stop_token_ids", absl::StrCat("has ", stop.stop_token_ids_size(),
                                                            " entries, at most ", kMaxStopTokens));
  }
  CHIMERA_RETURN_IF_ERROR(
      CheckTokens(stop.stop_token_ids(), "stop.stop_token_ids", tokenizer_->vocab_size()));
  result.stop_token_ids.assign(stop.stop_token_ids().begin(), stop.stop_token_ids().end());
  result.ignore_eos = stop.ignore_eos();
  return result;
}

absl::StatusOr<std::vector<int32_t>> RequestReader::ReadTokenize(
    const v1::TokenizeRequest& request) const {
  switch (request.input_case()) {
    case v1::TokenizeRequest::kText:
      return EncodeText(request.text());
    case v1::TokenizeRequest::kMessages:
      return EncodeMessages(request.messages());
    case v1::TokenizeRequest::INPUT_NOT_SET:
      break;
  }
  return InvalidField("input", "is required: text or messages");
}

absl::StatusOr<std::string> RequestReader::ReadDetokenize(
    const v1::DetokenizeRequest& request) const {
  CHIMERA_RETURN_IF_ERROR(CheckTokens(request.token_ids(), "token_ids", tokenizer_->vocab_size()));
  IncrementalDecoder decoder(tokenizer_);
  std::string text;
  for (const int32_t token : request.token_ids()) {
    text += decoder.Append(token);
    if (text.size() > kMaxTextBytes) {
      return InvalidField("token_ids",
                          absl::StrCat("stands for more than ", kMaxTextBytes, " bytes of text"));
    }
  }
  return text + decoder.Finish();
}

}  // namespace chimera
