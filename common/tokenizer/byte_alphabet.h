// The alphabet in which byte-level BPE vocabularies write arbitrary bytes as printable text.

#ifndef CHIMERA_COMMON_TOKENIZER_BYTE_ALPHABET_H_
#define CHIMERA_COMMON_TOKENIZER_BYTE_ALPHABET_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace chimera {

// Returns the bytes that `text` stands for, or nothing if a character of it is not in the alphabet
// (Radford et al. 2019, GPT-2): 21..7E, A1..AC and AE..FF stand for themselves as code points; the
// other 68 bytes, in ascending order, are U+0100, U+0101, ...
std::optional<std::string> BytesFromAlphabet(absl::string_view text);

}  // namespace chimera

#endif  // CHIMERA_COMMON_TOKENIZER_BYTE_ALPHABET_H_
