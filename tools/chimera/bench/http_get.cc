#include "tools/chimera/bench/http_get.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace chimera {
namespace {

constexpr timeval kTimeout = {.tv_sec = 10, .tv_usec = 0};

absl::Status Unavailable(const std::string& address, const char* reason) {
  return absl::UnavailableError(absl::StrCat("cannot read metrics from ", address, ": ", reason));
}

// A connected socket, which the caller closes.
absl::StatusOr<int> Connect(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size()) {
    return absl::InvalidArgumentError(absl::StrCat("\"", address, "\" must be host:port"));
  }
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(address.substr(0, colon).c_str(), address.substr(colon + 1).c_str(),
                                &hints, &found);
  if (error != 0) return Unavailable(address, gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  int last_error = 0;
  for (const addrinfo* peer = found; peer != nullptr; peer = peer->ai_next) {
    const int fd = socket(peer->ai_family, peer->ai_socktype | SOCK_CLOEXEC, peer->ai_protocol);
    if (fd >= 0) {
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kTimeout, sizeof(kTimeout));
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kTimeout, sizeof(kTimeout));
      if (connect(fd, peer->ai_addr, peer->ai_addrlen) == 0) return fd;
    }
    last_error = errno;
    if (fd >= 0) close(fd);
  }
  return Unavailable(address, strerror(last_error));
}

}  // namespace

absl::StatusOr<std::string> HttpGet(const std::string& address, const std::string& path) {
  CHIMERA_ASSIGN_OR_RETURN(const int fd, Connect(address));
  const auto closer = absl::MakeCleanup([fd] { close(fd); });
  // In HTTP 1.0 the body ends with the connection.
  const std::string request =
      absl::StrCat("GET ", path, " HTTP/1.0\r\nHost: ", address, "\r\n\r\n");
  if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return Unavailable(address, strerror(errno));
  }
  std::string answer;
  char buffer[1 << 14];
  ssize_t count = 0;
  while ((count = recv(fd, buffer, sizeof(buffer), 0)) > 0) answer.append(buffer, count);
  if (count < 0) return Unavailable(address, strerror(errno));
  const size_t head_end = answer.find("\r\n\r\n");
  if (head_end == std::string::npos || !absl::StartsWith(answer, "HTTP/1.") ||
      answer.compare(8, 5, " 200 ") != 0) {
    return absl::DataLossError(
        absl::StrCat(address, " does not serve metrics: ", answer.substr(0, answer.find('\r'))));
  }
  return answer.substr(head_end + 4);
}

}  // namespace chimera
