#include "common/tokenizer/incremental_decoder.h"

#include "absl/strings/string_view.h"
#include "common/tokenizer/utf8.h"

namespace chimera {
namespace {

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

}  // namespace

std::string IncrementalDecoder::Append(int32_t token) {
  if (tokenizer_->IsControl(token)) return "";
  const absl::string_view bytes = tokenizer_->TokenBytes(token);
  pending_.append(bytes.data(), bytes.size());
  absl::string_view rest = pending_;
  std::string text;
  while (!rest.empty()) {
    const Utf8Sequence next = NextUtf8(rest);
    if (next.kind == Utf8Kind::kUnfinished) break;
    const absl::string_view piece =
        next.kind == Utf8Kind::kCharacter ? rest.substr(0, next.size) : kReplacement;
    text.append(piece.data(), piece.size());
    rest.remove_prefix(next.size);
  }
  pending_ = std::string(rest);
  return text;
}

std::string IncrementalDecoder::Finish() {
  const bool unfinished = !pending_.empty();
  pending_.clear();
  return unfinished ? std::string(kReplacement) : "";
}

}  // namespace chimera
