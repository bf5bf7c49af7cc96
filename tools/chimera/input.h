// What the user types or pipes in.

#ifndef CHIMERA_TOOLS_CHIMERA_INPUT_H_
#define CHIMERA_TOOLS_CHIMERA_INPUT_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "tools/chimera/cancellation.h"

namespace chimera {

// Reads a file descriptor, which it does not own, until end of file or cancellation. Not
// thread-safe. Every method returns CANCELLED after a cancellation and INVALID_ARGUMENT where the
// text is longer than `max_bytes`.
class Input {
 public:
  Input(int fd, const Cancellation* cancellation, size_t max_bytes);

  // The next line without its line end, or nothing at the end.
  absl::StatusOr<std::optional<std::string>> ReadLine();

  // Everything up to the end.
  absl::StatusOr<std::string> ReadAll();

 private:
  // Appends what comes next to `buffered_`.
  absl::Status Fill();

  const int fd_;
  const Cancellation* const cancellation_;
  const size_t max_bytes_;
  std::string buffered_;
  bool at_end_ = false;
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_INPUT_H_
