// Where one UTF-8 character ends and the next begins.

#ifndef CHIMERA_COMMON_TOKENIZER_UTF8_H_
#define CHIMERA_COMMON_TOKENIZER_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace chimera {

enum class Utf8Kind {
  kCharacter,  // one well-formed character
  kInvalid,    // a maximal invalid subsequence: no bytes after it can make it a character
  kUnfinished  // the text ends inside what may still become a character
};

struct Utf8Sequence {
  Utf8Kind kind;
  size_t size;  // bytes, 1 to 4
};

// Returns what `text` begins with (Unicode 15, table 3-7). Overlong forms, surrogates and code
// points above U+10FFFF are invalid. REQUIRES: `text` is not empty.
Utf8Sequence NextUtf8(absl::string_view text);

// What stands for an invalid subsequence: U+FFFD.
inline constexpr absl::string_view kUtf8Replacement = "\xEF\xBF\xBD";

// Appends `text` to `output` up to a character that it ends inside of, kUtf8Replacement in place of
// each maximal invalid subsequence (Unicode 15, section 3.9). Returns what it did not take.
absl::string_view AppendValidUtf8(absl::string_view text, std::string* output);

// Returns how many bytes at the start of `text` are well-formed characters.
size_t ValidUtf8Prefix(absl::string_view text);

}  // namespace chimera

#endif  // CHIMERA_COMMON_TOKENIZER_UTF8_H_
