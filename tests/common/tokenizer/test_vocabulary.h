// A byte-level BPE vocabulary small enough to know by heart.

#ifndef CHIMERA_TESTS_COMMON_TOKENIZER_TEST_VOCABULARY_H_
#define CHIMERA_TESTS_COMMON_TOKENIZER_TEST_VOCABULARY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/model/vocabulary.h"

namespace chimera::testing {

inline constexpr int32_t kMessageStart = 0;  // <|im_start|>, control, bos
inline constexpr int32_t kMessageEnd = 1;    // <|im_end|>, control, eos
inline constexpr int32_t kTool = 2;          // <tool>, user-defined
inline constexpr int32_t kToolCall = 3;      // <tool><call>, user-defined
inline constexpr int32_t kFirstByte = 4;     // byte b is token 4 + b
inline constexpr int32_t kFirstMerged = kFirstByte + 256;

// Token of a byte.
inline int32_t ByteToken(unsigned char byte) { return kFirstByte + byte; }

// The characters of the GPT-2 byte alphabet, by byte.
std::vector<std::string> ByteAlphabet();

// Pre-tokenizer "smollm"; the special tokens and bytes above, then the results of `merges` in order
// (each "left right" in the byte alphabet), each a new token.
Vocabulary MakeVocabulary(const std::vector<std::string>& merges);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_TOKENIZER_TEST_VOCABULARY_H_
