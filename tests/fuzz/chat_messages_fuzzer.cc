// Any bytes as prompts in JSON: a conversation, or the lines of a prompt file. What comes out is in
// ChatML, and no text of a user becomes a control token.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "chimera/v1/generation_service.pb.h"
#include "common/base/check.h"
#include "common/rpc/status_conversion.h"
#include "tests/fuzz/allocation_limit.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/proto_input.h"
#include "tests/fuzz/text_oracle.h"
#include "tests/fuzz/tiny_tokenizer.h"
#include "tools/chimera/bench/prompt_file.h"
#include "verifier/service/request_reader.h"

namespace chimera::testing {
namespace {

struct Fixture {
  const std::unique_ptr<Tokenizer> tokenizer = MakeTinyTokenizer();
  const ChatTemplate chat_template = MakeTinyChatTemplate();
  const RequestReader reader{tokenizer.get(), &chat_template, /*context_limit=*/1 << 20};
};

const Fixture& TheFixture() {
  static const Fixture* const fixture = new Fixture();
  return *fixture;
}

// The template as its Jinja source says it.
std::string RenderChatMl(const std::vector<ChatMessage>& conversation) {
  std::string text;
  if (conversation[0].role != "system") {
    text =
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
        "<|im_end|>\n";
  }
  for (const ChatMessage& message : conversation) {
    absl::StrAppend(&text, "<|im_start|>", message.role, "\n", message.content, "<|im_end|>\n");
  }
  return absl::StrCat(text, "<|im_start|>assistant\n");
}

void CheckChatMl(const std::vector<int32_t>& ids, const std::vector<ChatMessage>& conversation) {
  const Tokenizer& tokenizer = *TheFixture().tokenizer;
  const absl::StatusOr<std::string> text = tokenizer.Decode(ids);
  CHIMERA_CHECK(text.ok() && *text == RenderChatMl(conversation)) << text.status();
  size_t starts = 0;
  size_t ends = 0;
  for (const int32_t id : ids) {
    if (id == kTinyMessageStart) ++starts;
    if (id == kTinyMessageEnd) ++ends;
    CHIMERA_CHECK(id != kTinyEndOfText);
  }
  const size_t messages = conversation.size() + (conversation[0].role == "system" ? 0 : 1);
  CHIMERA_CHECK(starts == messages + 1 && ends == messages) << starts << " and " << ends;
}

bool IsRole(const std::string& role) {
  return role == "system" || role == "user" || role == "assistant";
}

void CheckRefusal(const absl::Status& status, const v1::ChatMessages& messages) {
  CHIMERA_CHECK(status.code() == absl::StatusCode::kInvalidArgument) << status;
  const auto detail = GetErrorDetail(status);
  CHIMERA_CHECK(detail.has_value() && absl::StartsWith(detail->field(), "messages")) << status;
  CHIMERA_CHECK(IsPrintable({status.message().data(), status.message().size()})) << status;
  const bool known = std::all_of(messages.messages().begin(), messages.messages().end(),
                                 [](const v1::ChatMessage& m) { return IsRole(m.role()); });
  const int count = messages.messages_size();
  CHIMERA_CHECK(!known || count < 1 || count > 1024) << "refused without a reason: " << status;
}

void TryConversation(const v1::ChatMessages& messages, size_t input_bytes) {
  const Fixture& fixture = TheFixture();
  v1::TokenizeRequest request;
  *request.mutable_messages() = messages;
  absl::StatusOr<std::vector<int32_t>> ids;
  {
    const AllocationLimit limit(input_bytes, AllocationLimit::kTextFactor,
                                AllocationLimit::kConversationFloorBytes);
    ids = fixture.reader.ReadTokenize(request);
  }
  if (!ids.ok()) return CheckRefusal(ids.status(), messages);
  std::vector<ChatMessage> conversation;
  for (const v1::ChatMessage& message : messages.messages()) {
    CHIMERA_CHECK(IsRole(message.role())) << message.role();
    conversation.push_back({message.role(), message.content()});
  }
  CheckChatMl(*ids, conversation);
}

void AddMessage(const char* role, const std::string& content, v1::ChatMessages* messages) {
  v1::ChatMessage* const message = messages->add_messages();
  message->set_role(role);
  message->set_content(content);
}

// The prompts of a file: each by itself, as `chimera bench` sends them, then all as a conversation.
void TryPromptFile(absl::string_view input) {
  std::istringstream stream{std::string(input)};
  absl::StatusOr<std::vector<BenchPrompt>> prompts;
  {
    const AllocationLimit limit(input.size());
    prompts = ReadPrompts(stream, /*limit=*/0);
  }
  if (!prompts.ok()) {
    CHIMERA_CHECK(prompts.status().code() == absl::StatusCode::kInvalidArgument);
    CHIMERA_CHECK(
        IsPrintable({prompts.status().message().data(), prompts.status().message().size()}))
        << prompts.status();
    return;
  }
  CHIMERA_CHECK(!prompts->empty());
  v1::ChatMessages all;
  for (const auto& [prompt, category] : *prompts) {
    CHIMERA_CHECK(!prompt.empty() && IsUtf8(prompt) && IsUtf8(category));
    v1::ChatMessages one;
    AddMessage("user", prompt, &one);
    TryConversation(one, input.size());
    AddMessage(all.messages_size() % 2 == 0 ? "user" : "assistant", prompt, &all);
  }
  TryConversation(all, input.size());

  std::istringstream again{std::string(input)};
  const auto first = ReadPrompts(again, /*limit=*/1);
  CHIMERA_CHECK(first.ok() && first->size() == 1 && first->front() == prompts->front());
}

}  // namespace
}  // namespace chimera::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace chimera::testing;  // NOLINT: half of it is used
  const absl::string_view input = AsText(data, size);
  TryPromptFile(input);
  chimera::v1::ChatMessages messages;
  if (ReadJson(input, &messages)) TryConversation(messages, size);
  return 0;
}
