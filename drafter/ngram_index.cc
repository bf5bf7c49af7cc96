#include "drafter/ngram_index.h"

#include <algorithm>

#include "common/base/check.h"

namespace chimera {
namespace {

// They bound the time of one search to some ten microseconds.
constexpr int kMaxVisited = 2048;
constexpr int kMaxMatches = 256;
constexpr int kMaxSingleTokenMatches = 64;

}  // namespace

NgramIndex::NgramIndex(int32_t window) : window_(window) {
  CHIMERA_CHECK(window >= 1) << "window " << window;
}

void NgramIndex::Append(int32_t token) {
  const auto [newest, is_new] = newest_.try_emplace(token, size_);
  const int64_t previous = is_new ? -1 : newest->second;
  newest->second = size_;
  if (size_ < window_) {
    tokens_.push_back(token);
    previous_.push_back(previous);
  } else {
    const int64_t slot = size_ % window_;
    const auto forgotten = newest_.find(tokens_[slot]);
    if (forgotten->second == size_ - window_) newest_.erase(forgotten);
    tokens_[slot] = token;
    previous_[slot] = previous;
  }
  ++size_;
}

int32_t NgramIndex::MatchLength(int64_t last) const {
  const int64_t limit =
      std::min<int64_t>(kMaxMatchLength, last - std::max<int64_t>(0, size_ - window_) + 1);
  int32_t length = 1;
  while (length < limit && token(last - length) == token(size_ - 1 - length)) ++length;
  return length;
}

void NgramIndex::FindMatches(std::vector<Match>* matches) const {
  matches->clear();
  if (size_ == 0) return;
  int single_token_matches = 0;
  int64_t last = previous_[(size_ - 1) % window_];
  for (int visited = 0; visited < kMaxVisited; ++visited) {
    if (last < 0 || last < size_ - window_) return;
    const int32_t length = MatchLength(last);
    if (length > 1 || ++single_token_matches <= kMaxSingleTokenMatches) {
      matches->push_back({.next = last + 1, .length = length});
      if (matches->size() == kMaxMatches) return;
    }
    last = previous_[last % window_];
  }
}

}  // namespace chimera
