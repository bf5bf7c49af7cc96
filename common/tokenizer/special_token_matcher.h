// Finds the texts of special tokens in a prompt.

#ifndef CHIMERA_COMMON_TOKENIZER_SPECIAL_TOKEN_MATCHER_H_
#define CHIMERA_COMMON_TOKENIZER_SPECIAL_TOKEN_MATCHER_H_

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace chimera {

struct SpecialTokenMatch {
  size_t begin;  // byte offset of its text
  size_t size;   // bytes
  int32_t token;
};

// Immutable after the last Add; any thread may call Find.
class SpecialTokenMatcher {
 public:
  // An empty text is ignored; of equal texts the first added counts.
  void Add(absl::string_view text, int32_t token);

  // Returns the leftmost match at or after `begin`, of those that start there the longest.
  std::optional<SpecialTokenMatch> Find(absl::string_view text, size_t begin) const;

 private:
  std::bitset<256> first_bytes_;
  std::vector<size_t> sizes_;  // distinct lengths of texts, longest first
  absl::flat_hash_map<std::string, int32_t> tokens_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_TOKENIZER_SPECIAL_TOKEN_MATCHER_H_
