#include "verifier/engine/stop_matcher.h"

#include <algorithm>
#include <utility>

namespace chimera {

std::string StopMatcher::Append(absl::string_view text) {
  if (stopped_) return "";
  pending_.append(text.data(), text.size());
  size_t stop_at = std::string::npos;
  for (const std::string& stop : stop_strings_) stop_at = std::min(stop_at, pending_.find(stop));
  stopped_ = stop_at != std::string::npos;
  const size_t certain = stopped_ ? stop_at : pending_.size() - HeldBackLength();
  std::string result = pending_.substr(0, certain);
  pending_.erase(0, stopped_ ? pending_.size() : certain);
  return result;
}

std::string StopMatcher::Finish() { return std::exchange(pending_, std::string()); }

size_t StopMatcher::HeldBackLength() const {
  size_t longest = 0;
  for (const std::string& stop : stop_strings_) {
    for (size_t length = std::min(stop.size() - 1, pending_.size()); length > longest; --length) {
      if (pending_.compare(pending_.size() - length, length, stop, 0, length) == 0) {
        longest = length;
      }
    }
  }
  return longest;
}

}  // namespace chimera
