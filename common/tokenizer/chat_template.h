// Chat messages to the prompt text a model was trained on.

#ifndef CHIMERA_COMMON_TOKENIZER_CHAT_TEMPLATE_H_
#define CHIMERA_COMMON_TOKENIZER_CHAT_TEMPLATE_H_

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tokenizer/tokenizer.h"

namespace chimera {

struct ChatMessage {
  std::string role;  // "system", "user" or "assistant"
  std::string content;
};

// A closed set of templates, recognised by the Jinja source in the model file; there is no Jinja
// interpreter, because a template from a file would be a program to run. Immutable.
class ChatTemplate {
 public:
  // UNIMPLEMENTED, listing what is supported, for a template that is not known; FAILED_PRECONDITION
  // if it is empty.
  static absl::StatusOr<ChatTemplate> Create(absl::string_view jinja_source);

  // Token ids of a conversation, ending where the assistant's answer begins. Message contents are
  // encoded as text: a special token written in a message stays text. INVALID_ARGUMENT, naming the
  // message, for an unknown role or no message.
  absl::StatusOr<std::vector<int32_t>> Encode(std::span<const ChatMessage> messages,
                                              const Tokenizer& tokenizer) const;

 private:
  explicit ChatTemplate(std::string default_system) : default_system_(std::move(default_system)) {}

  std::string default_system_;  // put in front of a conversation without a system message; empty:
                                // nothing is
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_TOKENIZER_CHAT_TEMPLATE_H_
