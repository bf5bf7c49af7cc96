#include "common/tokenizer/incremental_decoder.h"

#include "absl/strings/string_view.h"
#include "common/tokenizer/utf8.h"

namespace chimera {

std::string IncrementalDecoder::Append(int32_t token) {
  if (tokenizer_->IsControl(token)) return "";
  const absl::string_view bytes = tokenizer_->TokenBytes(token);
  pending_.append(bytes.data(), bytes.size());
  std::string text;
  pending_ = std::string(AppendValidUtf8(pending_, &text));
  return text;
}

std::string IncrementalDecoder::Finish() {
  const bool unfinished = !pending_.empty();
  pending_.clear();
  return unfinished ? std::string(kUtf8Replacement) : "";
}

}  // namespace chimera
