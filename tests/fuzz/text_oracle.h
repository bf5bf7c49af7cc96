// What text must look like, told without the code under test.

#ifndef CHIMERA_TESTS_FUZZ_TEXT_ORACLE_H_
#define CHIMERA_TESTS_FUZZ_TEXT_ORACLE_H_

#include <algorithm>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace chimera::testing {

// Whether `text` is whole UTF-8 characters: decodes each by the bits of its bytes, then asks
// whether that code point exists and has no shorter form.
inline bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const uint8_t lead = static_cast<uint8_t>(text[0]);
    const size_t size = lead < 0x80           ? 1
                        : (lead >> 5) == 0x06 ? 2
                        : (lead >> 4) == 0x0E ? 3
                        : (lead >> 3) == 0x1E ? 4
                                              : 0;
    if (size == 0 || size > text.size()) return false;
    uint32_t code_point = size == 1 ? lead : lead & (0x7F >> size);
    for (size_t i = 1; i < size; ++i) {
      const uint8_t byte = static_cast<uint8_t>(text[i]);
      if (byte >> 6 != 2) return false;
      code_point = code_point << 6 | (byte & 0x3F);
    }
    constexpr uint32_t kLeastOfSize[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code_point < kLeastOfSize[size] || code_point > 0x10FFFF) return false;
    if (code_point >= 0xD800 && code_point < 0xE000) return false;  // surrogates
    text.remove_prefix(size);
  }
  return true;
}

// Whether an error may be shown on any terminal.
inline bool IsPrintable(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_FUZZ_TEXT_ORACLE_H_
