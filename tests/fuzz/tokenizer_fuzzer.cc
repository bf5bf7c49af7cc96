// Any bytes as text: tokens and back, at once and as a stream.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "common/base/check.h"
#include "common/tokenizer/incremental_decoder.h"
#include "common/tokenizer/utf8.h"
#include "tests/fuzz/allocation_limit.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/text_oracle.h"
#include "tests/fuzz/tiny_tokenizer.h"

namespace chimera::testing {
namespace {

// Pieces of a stream, joined; none of them may cut a character in two.
std::string Stream(const std::vector<int32_t>& ids, const Tokenizer& tokenizer) {
  IncrementalDecoder decoder(&tokenizer);
  std::string text;
  for (const int32_t id : ids) {
    const std::string piece = decoder.Append(id);
    CHIMERA_CHECK(IsUtf8(piece)) << "token " << id;
    text += piece;
  }
  const std::string rest = decoder.Finish();
  CHIMERA_CHECK(IsUtf8(rest));
  CHIMERA_CHECK(decoder.Finish().empty()) << "nothing is left after the end";
  return text + rest;
}

// `text` with U+FFFD for what is not UTF-8: what a stream of it must add up to.
std::string Repaired(absl::string_view text) {
  std::string repaired;
  if (!AppendValidUtf8(text, &repaired).empty()) repaired += std::string(kUtf8Replacement);
  CHIMERA_CHECK(IsUtf8(repaired));
  CHIMERA_CHECK(!IsUtf8(text) || repaired == text) << "valid text needs no repair";
  return repaired;
}

std::vector<int32_t> EncodeAndBack(absl::string_view text, SpecialTokens special,
                                   const Tokenizer& tokenizer) {
  const AllocationLimit limit(text.size(), AllocationLimit::kTextFactor);
  absl::StatusOr<std::vector<int32_t>> ids = tokenizer.Encode(text, special);
  CHIMERA_CHECK(ids.ok()) << ids.status();
  CHIMERA_CHECK(ids->size() <= text.size()) << "no token is empty";
  const absl::StatusOr<std::string> decoded = tokenizer.Decode(*ids);
  CHIMERA_CHECK(decoded.ok() && *decoded == text) << decoded.status();
  return *std::move(ids);
}

void TryText(absl::string_view text, const Tokenizer& tokenizer) {
  const std::vector<int32_t> ids = EncodeAndBack(text, SpecialTokens::kAsText, tokenizer);
  CHIMERA_CHECK(std::none_of(ids.begin(), ids.end(), [&tokenizer](int32_t id) {
    return tokenizer.IsControl(id);
  })) << "text became a control token";
  CHIMERA_CHECK(Stream(ids, tokenizer) == Repaired(text));

  const std::vector<int32_t> parsed = EncodeAndBack(text, SpecialTokens::kParse, tokenizer);
  Stream(parsed, tokenizer);
  if (!absl::StrContains(text, "<|")) CHIMERA_CHECK(parsed == ids) << "nothing to parse";
}

// Bytes as token ids: no order of tokens breaks a stream, and every wrong id is refused.
void TryIds(absl::string_view input, const Tokenizer& tokenizer) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i + 1 < input.size(); i += 2) {
    ids.push_back(static_cast<int16_t>(static_cast<uint8_t>(input[i]) |
                                       static_cast<uint8_t>(input[i + 1]) << 8));
  }
  const bool valid = std::all_of(ids.begin(), ids.end(), [&tokenizer](int32_t id) {
    return id >= 0 && id < tokenizer.vocab_size();
  });
  CHIMERA_CHECK(tokenizer.Decode(ids).ok() == valid);
  for (int32_t& id : ids) id = (id % kTinyTokenizerSize + kTinyTokenizerSize) % kTinyTokenizerSize;
  Stream(ids, tokenizer);
}

}  // namespace
}  // namespace chimera::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace chimera::testing;  // NOLINT: all of it is used
  static const auto* const tokenizers = new std::vector<std::unique_ptr<chimera::Tokenizer>>([] {
    std::vector<std::unique_ptr<chimera::Tokenizer>> all;
    for (const char* name : {"smollm", "gpt-2", "llama-bpe"})
      all.push_back(MakeTinyTokenizer(name));
    return all;
  }());
  const absl::string_view text = AsText(data, size);
  for (const auto& tokenizer : *tokenizers) TryText(text, *tokenizer);
  TryIds(text, *tokenizers->front());
  return 0;
}
