#include "tests/common/tokenizer/test_vocabulary.h"

namespace chimera::testing {
namespace {

void AddToken(std::string text, TokenType type, Vocabulary* vocabulary) {
  vocabulary->tokens.push_back(std::move(text));
  vocabulary->types.push_back(type);
}

}  // namespace

std::vector<std::string> ByteAlphabet() {
  std::vector<std::string> alphabet;
  int next = 0x100;
  for (int byte = 0; byte < 0x100; ++byte) {
    const bool printable =
        (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte < 0xAD) || byte > 0xAD;
    const int code_point = printable ? byte : next++;
    if (code_point < 0x80) {
      alphabet.push_back(std::string(1, static_cast<char>(code_point)));
    } else {
      alphabet.push_back({static_cast<char>(0xC0 | code_point >> 6),
                          static_cast<char>(0x80 | (code_point & 0x3F))});
    }
  }
  return alphabet;
}

Vocabulary MakeVocabulary(const std::vector<std::string>& merges) {
  Vocabulary vocabulary;
  vocabulary.tokenizer_model = "gpt2";
  vocabulary.pre_tokenizer = "smollm";
  AddToken("<|im_start|>", TokenType::kControl, &vocabulary);
  AddToken("<|im_end|>", TokenType::kControl, &vocabulary);
  AddToken("<tool>", TokenType::kUserDefined, &vocabulary);
  AddToken("<tool><call>", TokenType::kUserDefined, &vocabulary);
  for (const std::string& character : ByteAlphabet()) {
    AddToken(character, TokenType::kNormal, &vocabulary);
  }
  for (const std::string& merge : merges) {
    std::string merged = merge;
    merged.erase(merged.find(' '), 1);
    AddToken(merged, TokenType::kNormal, &vocabulary);
  }
  vocabulary.merges = merges;
  vocabulary.bos_id = kMessageStart;
  vocabulary.eos_id = kMessageEnd;
  return vocabulary;
}

}  // namespace chimera::testing
