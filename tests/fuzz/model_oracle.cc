#include "tests/fuzz/model_oracle.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/check.h"
#include "common/tokenizer/chat_template.h"
#include "common/tokenizer/incremental_decoder.h"
#include "common/tokenizer/tokenizer.h"
#include "tests/fuzz/text_oracle.h"

namespace chimera::testing {
namespace {

void CheckIds(const std::vector<int32_t>& ids, const Tokenizer& tokenizer) {
  CHIMERA_CHECK(std::all_of(ids.begin(), ids.end(), [&tokenizer](int32_t id) {
    return id >= 0 && id < tokenizer.vocab_size();
  }));
}

}  // namespace

void CheckRefusal(const absl::Status& status) {
  CHIMERA_CHECK(status.code() == absl::StatusCode::kInvalidArgument ||
                status.code() == absl::StatusCode::kUnimplemented ||
                status.code() == absl::StatusCode::kNotFound)
      << status;
  CHIMERA_CHECK(!status.message().empty() &&
                IsPrintable({status.message().data(), status.message().size()}))
      << status;
}

void CheckVocabulary(const Vocabulary& vocabulary, int32_t vocab_size) {
  CHIMERA_CHECK(vocabulary.tokens.size() == static_cast<size_t>(vocab_size));
  CHIMERA_CHECK(vocabulary.types.size() == vocabulary.tokens.size());
  for (const int32_t id : {vocabulary.bos_id, vocabulary.eos_id, vocabulary.padding_id}) {
    CHIMERA_CHECK(id >= -1 && id < vocab_size) << id;
  }
  CHIMERA_CHECK(!vocabulary.add_bos || vocabulary.bos_id >= 0);
}

void UseVocabulary(const Vocabulary& vocabulary) {
  const absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::Create(vocabulary);
  if (!tokenizer.ok()) return CheckRefusal(tokenizer.status());
  const absl::string_view text = "<|im_start|>user\nthe cat is \xf0\x9f\x98\xba\xff<|im_end|>";
  for (const SpecialTokens special : {SpecialTokens::kParse, SpecialTokens::kAsText}) {
    const auto ids = (*tokenizer)->Encode(text, special);
    CHIMERA_CHECK(ids.ok()) << ids.status();
    CheckIds(*ids, **tokenizer);
    CHIMERA_CHECK((*tokenizer)->Decode(*ids).ok());
    IncrementalDecoder decoder(tokenizer->get());
    for (const int32_t id : *ids) CHIMERA_CHECK(IsUtf8(decoder.Append(id)));
    CHIMERA_CHECK(IsUtf8(decoder.Finish()));
  }
  const absl::StatusOr<ChatTemplate> chat_template = ChatTemplate::Create(vocabulary.chat_template);
  if (!chat_template.ok()) return;
  const std::vector<ChatMessage> conversation = {{"user", "hello"}};
  const auto ids = chat_template->Encode(conversation, **tokenizer);
  // The vocabulary may lack the template's control tokens.
  CHIMERA_CHECK(ids.ok() || ids.status().code() == absl::StatusCode::kFailedPrecondition)
      << ids.status();
  if (ids.ok()) CheckIds(*ids, **tokenizer);
}

}  // namespace chimera::testing
