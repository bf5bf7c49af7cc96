#include "tools/chimera/input.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace chimera {

Input::Input(int fd, const Cancellation* cancellation, size_t max_bytes)
    : fd_(fd), cancellation_(cancellation), max_bytes_(max_bytes) {}

absl::Status Input::Fill() {
  std::array<pollfd, 2> fds = {pollfd{fd_, POLLIN, 0}, pollfd{cancellation_->fd(), POLLIN, 0}};
  while (poll(fds.data(), fds.size(), /*timeout=*/-1) < 0) {
    if (errno != EINTR) return absl::InternalError(absl::StrCat("poll: ", strerror(errno)));
  }
  if (fds[1].revents != 0) return absl::CancelledError("interrupted");
  std::array<char, 4096> chunk;
  const ssize_t count = read(fd_, chunk.data(), chunk.size());
  if (count < 0) {
    return absl::UnavailableError(absl::StrCat("cannot read the input: ", strerror(errno)));
  }
  at_end_ = count == 0;
  buffered_.append(chunk.data(), static_cast<size_t>(count));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> Input::ReadLine() {
  size_t end;
  while ((end = buffered_.find('\n')) == std::string::npos && !at_end_) {
    if (buffered_.size() > max_bytes_) break;
    CHIMERA_RETURN_IF_ERROR(Fill());
  }
  if (std::min(end, buffered_.size()) > max_bytes_) {
    return absl::InvalidArgumentError(
        absl::StrCat("a line of the input is longer than ", max_bytes_, " bytes"));
  }
  if (end == std::string::npos) {
    if (buffered_.empty()) return std::nullopt;
    return std::exchange(buffered_, "");
  }
  std::string line = buffered_.substr(0, end);
  buffered_.erase(0, end + 1);
  return line;
}

absl::StatusOr<std::string> Input::ReadAll() {
  while (!at_end_) {
    CHIMERA_RETURN_IF_ERROR(Fill());
    if (buffered_.size() > max_bytes_) {
      return absl::InvalidArgumentError(
          absl::StrCat("the input is longer than ", max_bytes_, " bytes"));
    }
  }
  return std::exchange(buffered_, "");
}

}  // namespace chimera
