// TinyVocabulary of tiny_llama.h.

#include <array>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/check.h"
#include "tests/testing/tiny_llama.h"

namespace chimera::testing {
namespace {

// As in SmolLM2-135M-Instruct, so that ChatTemplate knows it.
constexpr absl::string_view kChatTemplate =
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
    "<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

std::string Utf8(uint32_t code_point) {
  if (code_point < 0x80) return std::string(1, static_cast<char>(code_point));
  return {static_cast<char>(0xc0 | code_point >> 6), static_cast<char>(0x80 | (code_point & 0x3f))};
}

// GPT-2's alphabet: printable bytes stand for themselves, the others, in order, for the code points
// from 256 on.
std::array<std::string, 256> ByteAlphabet() {
  std::array<std::string, 256> alphabet;
  uint32_t next = 256;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
    alphabet[byte] = Utf8(printable ? byte : next++);
  }
  return alphabet;
}

using Merge = std::pair<std::string, std::string>;

// Common English first, then every pair of letters. "\u0120" is the alphabet's space.
std::vector<Merge> Merges() {
  const std::string space = "\u0120";
  std::vector<Merge> merges = {
      {space, "t"},       {space, "a"},        {"h", "e"}, {"i", "n"},         {"r", "e"},
      {"o", "n"},         {space + "t", "he"}, {"e", "r"}, {space, space},     {"a", "t"},
      {space, "s"},       {space, "o"},        {"i", "s"}, {space + "a", "n"}, {"in", "g"},
      {space + "o", "f"}, {"e", "l"},          {"l", "o"}, {"el", "lo"}};
  for (char left = 'a'; left <= 'z'; ++left) {
    for (char right = 'a'; right <= 'z'; ++right) {
      merges.emplace_back(std::string(1, left), std::string(1, right));
    }
  }
  return merges;
}

void AppendToken(std::string text, TokenType type, Vocabulary* vocabulary) {
  vocabulary->tokens.push_back(std::move(text));
  vocabulary->types.push_back(type);
}

}  // namespace

Vocabulary TinyVocabulary(int32_t vocab_size) {
  CHIMERA_CHECK(vocab_size >= kTinyFirstByteToken + 256) << vocab_size;
  Vocabulary vocabulary;
  vocabulary.tokenizer_model = "gpt2";
  vocabulary.pre_tokenizer = "smollm";
  vocabulary.chat_template = std::string(kChatTemplate);
  vocabulary.bos_id = kTinyMessageStart;
  vocabulary.eos_id = kTinyMessageEnd;
  vocabulary.padding_id = kTinyMessageEnd;
  for (const char* special : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}) {
    AppendToken(special, TokenType::kControl, &vocabulary);
  }
  for (const std::string& letter : ByteAlphabet()) {
    AppendToken(letter, TokenType::kNormal, &vocabulary);
  }
  std::set<std::string> texts(vocabulary.tokens.begin(), vocabulary.tokens.end());
  for (const auto& [left, right] : Merges()) {
    if (static_cast<int32_t>(vocabulary.tokens.size()) == vocab_size) break;
    if (!texts.insert(left + right).second) continue;
    AppendToken(left + right, TokenType::kNormal, &vocabulary);
    vocabulary.merges.push_back(absl::StrCat(left, " ", right));
  }
  CHIMERA_CHECK(static_cast<int32_t>(vocabulary.tokens.size()) == vocab_size)
      << "too few merges for " << vocab_size << " tokens";
  return vocabulary;
}

}  // namespace chimera::testing
