// Finds earlier places of a sequence that read like its end.

#ifndef CHIMERA_DRAFTER_NGRAM_INDEX_H_
#define CHIMERA_DRAFTER_NGRAM_INDEX_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace chimera {

// The newest tokens of one sequence, each chained to the occurrence of the same token before it.
// Appending takes constant time; memory is bounded by the window. One thread at a time.
class NgramIndex {
 public:
  // Longest suffix that is compared, in tokens.
  static constexpr int32_t kMaxMatchLength = 8;

  // A place whose preceding tokens equal the end of the sequence.
  struct Match {
    int64_t next = 0;    // index of the token that followed there
    int32_t length = 0;  // equal tokens, in [1, kMaxMatchLength]

    friend bool operator==(const Match&, const Match&) = default;
  };

  // Keeps the newest `window` tokens. REQUIRES: window >= 1.
  explicit NgramIndex(int32_t window);

  void Append(int32_t token);

  // Tokens appended so far, forgotten ones included.
  int64_t size() const { return size_; }

  // The token of an index. REQUIRES: 0 <= index < size(), one of the newest `window`.
  int32_t token(int64_t index) const { return tokens_[index % window_]; }

  // The matches of the sequence's end, newest first, in place of what `matches` held. Of matches of
  // one token, which say little, only the newest few are given; in a long sequence that repeats its
  // newest token very often the oldest are not looked at.
  void FindMatches(std::vector<Match>* matches) const;

 private:
  int32_t MatchLength(int64_t last) const;

  const int64_t window_;
  int64_t size_ = 0;
  std::vector<int32_t> tokens_;  // [min(size, window)], a ring: index i is at i % window
  std::vector<int64_t>
      previous_;  // index of the same token before, -1 if there is none; like tokens_
  absl::flat_hash_map<int32_t, int64_t> newest_;  // newest index of each token in the window
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_NGRAM_INDEX_H_
