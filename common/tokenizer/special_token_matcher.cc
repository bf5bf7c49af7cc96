#include "common/tokenizer/special_token_matcher.h"

#include <algorithm>
#include <functional>

namespace chimera {

void SpecialTokenMatcher::Add(absl::string_view text, int32_t token) {
  if (text.empty()) return;
  first_bytes_.set(static_cast<uint8_t>(text[0]));
  tokens_.try_emplace(std::string(text), token);
  const auto at = std::lower_bound(sizes_.begin(), sizes_.end(), text.size(), std::greater<>());
  if (at == sizes_.end() || *at != text.size()) sizes_.insert(at, text.size());
}

std::optional<SpecialTokenMatch> SpecialTokenMatcher::Find(absl::string_view text,
                                                           size_t begin) const {
  for (; begin < text.size(); ++begin) {
    if (!first_bytes_.test(static_cast<uint8_t>(text[begin]))) continue;
    for (const size_t size : sizes_) {
      if (size > text.size() - begin) continue;
      const auto found = tokens_.find(text.substr(begin, size));
      if (found != tokens_.end()) return SpecialTokenMatch{begin, size, found->second};
    }
  }
  return std::nullopt;
}

}  // namespace chimera
