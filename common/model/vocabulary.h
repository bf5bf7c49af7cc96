// What a model file says about its tokens.

#ifndef CHIMERA_COMMON_MODEL_VOCABULARY_H_
#define CHIMERA_COMMON_MODEL_VOCABULARY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace chimera {

// Far beyond the longest token of any model (some hundred bytes). Tokenising takes many times the
// memory of its text, which is not for a model file to ask for.
inline constexpr size_t kMaxTokenBytes = 1024;

enum class TokenType { kNormal, kUnknown, kControl, kUserDefined, kUnused, kByte };

// A plain value; checked by the model file's reader: ids are in range, the vectors have equal
// lengths.
struct Vocabulary {
  std::string tokenizer_model;  // tokenizer.ggml.model: "gpt2" is byte-level BPE
  std::string pre_tokenizer;    // tokenizer.ggml.pre: "smollm", "gpt-2", "llama-bpe", ...
  // [vocab_size] token texts as stored (byte-level BPE: in the GPT-2 byte alphabet).
  std::vector<std::string> tokens;
  std::vector<TokenType> types;     // [vocab_size]
  std::vector<std::string> merges;  // "left right", in order of rank
  std::string chat_template;        // Jinja source, empty if the file has none
  int32_t bos_id = -1;              // -1 where the file names none
  int32_t eos_id = -1;              // ends a reply
  int32_t padding_id = -1;
  bool add_bos = false;  // Encode puts bos_id in front of a text
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_VOCABULARY_H_
