// Small random LLaMA models for tests: valid GGUF files that every part of Chimera can load.

#ifndef CHIMERA_TESTS_TESTING_TINY_LLAMA_H_
#define CHIMERA_TESTS_TESTING_TINY_LLAMA_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/model/data_type.h"
#include "common/model/vocabulary.h"
#include "tests/testing/gguf_writer.h"

namespace chimera::testing {

// Token ids of every tiny vocabulary, which continues with the 256 bytes' tokens and the merges'.
inline constexpr int32_t kTinyEndOfText = 0;       // <|endoftext|>
inline constexpr int32_t kTinyMessageStart = 1;    // <|im_start|>, also bos
inline constexpr int32_t kTinyMessageEnd = 2;      // <|im_end|>, also eos and padding
inline constexpr int32_t kTinyFirstByteToken = 3;  // byte b is token 3 + b

// Limits as for LlamaConfig; in addition vocab_size is at least 259 and at most 800.
struct TinyLlamaOptions {
  int32_t layer_count = 2;
  int32_t hidden_size = 64;
  int32_t query_heads = 4;
  int32_t kv_heads = 2;
  int32_t head_dim = 16;
  int32_t ffn_size = 96;
  int32_t vocab_size = 320;
  int32_t context_length = 512;
  DataType type = DataType::kQ4_1;            // of the linear layers
  DataType embedding_type = DataType::kQ8_0;  // of the token embedding and the output head
  bool tied_embedding = false;                // leaves the output head out
  uint64_t seed = 1;                          // of the weights
};

// The file, so that a test can change it before it is written.
GgufWriter BuildTinyLlama(const TinyLlamaOptions& options);

// Writes it to `path`, replacing what is there; ends the test program if it cannot.
void WriteTinyLlama(const std::string& path, const TinyLlamaOptions& options);

// The vocabulary of a tiny model of `vocab_size` tokens: byte-level BPE with pre-tokenizer "smollm"
// and the ChatML template of the default model.
Vocabulary TinyVocabulary(int32_t vocab_size);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_TINY_LLAMA_H_
