// Finds stop strings in a stream of text.

#ifndef CHIMERA_VERIFIER_ENGINE_STOP_MATCHER_H_
#define CHIMERA_VERIFIER_ENGINE_STOP_MATCHER_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace chimera {

// Lets text through except what may be the beginning of a stop string. One thread.
class StopMatcher {
 public:
  explicit StopMatcher(std::vector<std::string> stop_strings)
      : stop_strings_(std::move(stop_strings)) {}

  // Adds text and returns what is certain not to belong to a stop string. Once a stop string is
  // complete, stopped() is true and everything from its first byte on is dropped; of several that
  // complete with the same call, the one that begins first counts.
  std::string Append(absl::string_view text);

  // Ends the stream: returns the text held back. Nothing once stopped.
  std::string Finish();

  bool stopped() const { return stopped_; }

 private:
  // Length of the longest suffix of pending_ that begins a stop string.
  size_t HeldBackLength() const;

  const std::vector<std::string> stop_strings_;
  std::string pending_;
  bool stopped_ = false;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_STOP_MATCHER_H_
