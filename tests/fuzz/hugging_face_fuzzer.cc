// Any texts as those of a Hugging Face folder: refused with a message, or a configuration and a
// vocabulary that can be used.
//
// An input holds config.json, tokenizer.json, tokenizer_config.json, generation_config.json and
// chat_template.jinja, with a line "%%%" between each two; any may be missing at the end.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_split.h"
#include "common/base/check.h"
#include "common/model/llama_hugging_face.h"
#include "common/model/vocabulary_hugging_face.h"
#include "tests/fuzz/allocation_limit.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/model_oracle.h"

namespace chimera::testing {
namespace {

// A document takes many times its text: of an array of digits each element has 16 bytes, and room
// is made for twice as many.
constexpr size_t kJsonFactor = 32;

// For the lists of a vocabulary, which the weights of a real model bound.
constexpr int32_t kMaxVocabSize = 1024;
constexpr size_t kFloorBytes = size_t{64} << 10;

HuggingFaceTexts Split(absl::string_view input) {
  const std::vector<std::string> pieces = absl::StrSplit(input, "\n%%%\n");
  HuggingFaceTexts texts;
  if (!pieces.empty()) texts.config = pieces[0];
  if (pieces.size() > 1) texts.tokenizer = pieces[1];
  if (pieces.size() > 2) texts.tokenizer_config = pieces[2];
  if (pieces.size() > 3) texts.generation_config = pieces[3];
  if (pieces.size() > 4) texts.chat_template = pieces[4];
  return texts;
}

void TryTexts(absl::string_view input) {
  const HuggingFaceTexts texts = Split(input);
  const AllocationLimit limit(input.size(), kJsonFactor, kFloorBytes);
  const absl::StatusOr<LlamaConfig> config = ReadHuggingFaceConfig(texts.config);
  if (!config.ok()) return CheckRefusal(config.status());
  CHIMERA_CHECK(ValidateLlamaConfig(*config).ok());
  if (config->vocab_size > kMaxVocabSize) return;
  const absl::StatusOr<Vocabulary> vocabulary =
      ReadHuggingFaceVocabulary(texts, config->vocab_size);
  if (!vocabulary.ok()) return CheckRefusal(vocabulary.status());
  CheckVocabulary(*vocabulary, config->vocab_size);
  UseVocabulary(*vocabulary);
}

}  // namespace
}  // namespace chimera::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  chimera::testing::TryTexts(chimera::testing::AsText(data, size));
  return 0;
}
