#include "common/tokenizer/chat_template.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"
#include "common/model/printable.h"

namespace chimera {
namespace {

struct KnownTemplate {
  absl::string_view name;
  absl::string_view jinja_source;  // with line breaks in its strings written out
  absl::string_view default_system;
};

constexpr KnownTemplate kKnownTemplates[] = {
    {"ChatML with SmolLM2's default system line",
     "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
     "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
     "<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
     "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}"
     "{{ '<|im_start|>assistant\n' }}{% endif %}",
     "You are a helpful AI assistant named SmolLM, trained by Hugging Face"},
    {"ChatML",
     "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] "
     "+ '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}"
     "{{ '<|im_start|>assistant\n' }}{% endif %}",
     ""},
};

std::string SupportedTemplates() {
  std::string names;
  for (const KnownTemplate& known : kKnownTemplates) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", known.name);
  }
  return names;
}

absl::Status CheckMessages(std::span<const ChatMessage> messages) {
  if (messages.empty()) return absl::InvalidArgumentError("messages: at least one is needed");
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string& role = messages[i].role;
    if (role != "system" && role != "user" && role != "assistant") {
      return absl::InvalidArgumentError(absl::StrCat("messages[", i, "].role \"", Printable(role),
                                                     "\" is not one of system, user, assistant"));
    }
  }
  return absl::OkStatus();
}

// Writes ChatML: special tokens as such, everything between two of them as one text, because the
// pre-tokenizer must see it as the model saw it in training.
class ChatMlWriter {
 public:
  static absl::StatusOr<ChatMlWriter> Create(const Tokenizer& tokenizer) {
    ChatMlWriter writer(tokenizer);
    // What Encode puts in front of every text, which here is wanted nowhere.
    CHIMERA_ASSIGN_OR_RETURN(const std::vector<int32_t> empty,
                             tokenizer.Encode("", SpecialTokens::kAsText));
    writer.prefix_size_ = empty.size();
    CHIMERA_ASSIGN_OR_RETURN(writer.start_, writer.ControlToken("<|im_start|>"));
    CHIMERA_ASSIGN_OR_RETURN(writer.end_, writer.ControlToken("<|im_end|>"));
    return writer;
  }

  absl::Status AddMessage(absl::string_view role, absl::string_view content) {
    ids_.push_back(start_);
    CHIMERA_RETURN_IF_ERROR(AddText(absl::StrCat(role, "\n", content)));
    ids_.push_back(end_);
    return AddText("\n");
  }

  absl::Status AddGenerationPrompt() {
    ids_.push_back(start_);
    return AddText("assistant\n");
  }

  std::vector<int32_t> TakeIds() { return std::move(ids_); }

 private:
  explicit ChatMlWriter(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}

  absl::StatusOr<int32_t> ControlToken(absl::string_view text) const {
    CHIMERA_ASSIGN_OR_RETURN(const std::vector<int32_t> ids,
                             tokenizer_->Encode(text, SpecialTokens::kParse));
    if (ids.size() != prefix_size_ + 1 || !tokenizer_->IsControl(ids.back())) {
      return absl::FailedPreconditionError(
          absl::StrCat("the chat template needs the control token ", text,
                       ", which the vocabulary does not have"));
    }
    return ids.back();
  }

  absl::Status AddText(absl::string_view text) {
    CHIMERA_ASSIGN_OR_RETURN(const std::vector<int32_t> ids,
                             tokenizer_->Encode(text, SpecialTokens::kAsText));
    ids_.insert(ids_.end(), ids.begin() + prefix_size_, ids.end());
    return absl::OkStatus();
  }

  const Tokenizer* tokenizer_;
  size_t prefix_size_ = 0;
  int32_t start_ = -1;
  int32_t end_ = -1;
  std::vector<int32_t> ids_;
};

}  // namespace

absl::StatusOr<ChatTemplate> ChatTemplate::Create(absl::string_view jinja_source) {
  if (jinja_source.empty()) {
    return absl::FailedPreconditionError("the model file has no chat template");
  }
  // A line break inside a Jinja string may be written as such or as an escape.
  const std::string source = absl::StrReplaceAll(jinja_source, {{"\\n", "\n"}});
  for (const KnownTemplate& known : kKnownTemplates) {
    if (source == known.jinja_source) return ChatTemplate(std::string(known.default_system));
  }
  return absl::UnimplementedError(absl::StrCat(
      "the model file's chat template is not supported; supported: ", SupportedTemplates()));
}

absl::StatusOr<std::vector<int32_t>> ChatTemplate::Encode(std::span<const ChatMessage> messages,
                                                          const Tokenizer& tokenizer) const {
  CHIMERA_RETURN_IF_ERROR(CheckMessages(messages));
  CHIMERA_ASSIGN_OR_RETURN(ChatMlWriter writer, ChatMlWriter::Create(tokenizer));
  if (!default_system_.empty() && messages.front().role != "system") {
    CHIMERA_RETURN_IF_ERROR(writer.AddMessage("system", default_system_));
  }
  for (const ChatMessage& message : messages) {
    CHIMERA_RETURN_IF_ERROR(writer.AddMessage(message.role, message.content));
  }
  CHIMERA_RETURN_IF_ERROR(writer.AddGenerationPrompt());
  return writer.TakeIds();
}

}  // namespace chimera
