#include "common/tokenizer/utf8.h"

#include <cstdint>

namespace chimera {
namespace {

// What a lead byte asks for: the number of bytes that follow it, and the range of the first of
// them; the others are 80..BF.
struct Utf8Lead {
  size_t followers;
  uint8_t low;
  uint8_t high;
};

// REQUIRES: `lead` is not ASCII. Zero followers: not a lead byte.
Utf8Lead LeadOf(uint8_t lead) {
  if (lead < 0xC2) return {0, 0, 0};
  if (lead < 0xE0) return {1, 0x80, 0xBF};
  if (lead == 0xE0) return {2, 0xA0, 0xBF};
  if (lead == 0xED) return {2, 0x80, 0x9F};
  if (lead < 0xF0) return {2, 0x80, 0xBF};
  if (lead == 0xF0) return {3, 0x90, 0xBF};
  if (lead < 0xF4) return {3, 0x80, 0xBF};
  if (lead == 0xF4) return {3, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

Utf8Sequence NextUtf8(absl::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (byte(0) < 0x80) return {Utf8Kind::kCharacter, 1};
  const Utf8Lead lead = LeadOf(byte(0));
  if (lead.followers == 0) return {Utf8Kind::kInvalid, 1};
  for (size_t i = 1; i <= lead.followers; ++i) {
    if (i == text.size()) return {Utf8Kind::kUnfinished, i};
    const uint8_t low = i == 1 ? lead.low : 0x80;
    const uint8_t high = i == 1 ? lead.high : 0xBF;
    if (byte(i) < low || byte(i) > high) return {Utf8Kind::kInvalid, i};
  }
  return {Utf8Kind::kCharacter, lead.followers + 1};
}

absl::string_view AppendValidUtf8(absl::string_view text, std::string* output) {
  while (!text.empty()) {
    const Utf8Sequence next = NextUtf8(text);
    if (next.kind == Utf8Kind::kUnfinished) break;
    const absl::string_view piece =
        next.kind == Utf8Kind::kCharacter ? text.substr(0, next.size) : kUtf8Replacement;
    output->append(piece.data(), piece.size());
    text.remove_prefix(next.size);
  }
  return text;
}

size_t ValidUtf8Prefix(absl::string_view text) {
  size_t size = 0;
  while (size < text.size()) {
    const Utf8Sequence next = NextUtf8(text.substr(size));
    if (next.kind != Utf8Kind::kCharacter) break;
    size += next.size;
  }
  return size;
}

}  // namespace chimera
