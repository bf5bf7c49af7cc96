#include "common/tokenizer/byte_alphabet.h"

#include <array>
#include <cstdint>

#include "common/tokenizer/utf8.h"

namespace chimera {
namespace {

constexpr int kNumShifted = 68;  // bytes that do not stand for themselves
constexpr int kFirstShifted = 0x100;

constexpr bool StandsForItself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xFF && byte != 0xAD);
}

constexpr std::array<uint8_t, kNumShifted> ShiftedBytes() {
  std::array<uint8_t, kNumShifted> bytes{};
  int count = 0;
  for (int byte = 0; byte < 0x100; ++byte) {
    if (!StandsForItself(byte)) bytes[count++] = static_cast<uint8_t>(byte);
  }
  return bytes;
}

constexpr std::array<uint8_t, kNumShifted> kShiftedBytes = ShiftedBytes();

}  // namespace

std::optional<std::string> BytesFromAlphabet(absl::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const Utf8Sequence next = NextUtf8(text);
    // The alphabet ends at U+0143, so that one and two bytes are all there is to decode.
    if (next.kind != Utf8Kind::kCharacter || next.size > 2) return std::nullopt;
    const int first = static_cast<uint8_t>(text[0]);
    const int code_point =
        next.size == 1 ? first : (first & 0x1F) << 6 | (static_cast<uint8_t>(text[1]) & 0x3F);
    if (code_point < kFirstShifted && StandsForItself(code_point)) {
      bytes.push_back(static_cast<char>(code_point));
    } else if (code_point >= kFirstShifted && code_point < kFirstShifted + kNumShifted) {
      bytes.push_back(static_cast<char>(kShiftedBytes[code_point - kFirstShifted]));
    } else {
      return std::nullopt;
    }
    text.remove_prefix(next.size);
  }
  return bytes;
}

}  // namespace chimera
