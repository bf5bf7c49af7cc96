#include "tests/common/metrics/http_get.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace chimera::testing {
namespace {

absl::StatusOr<HttpResponse> Parse(const std::string& text) {
  const size_t head_end = text.find("\r\n\r\n");
  const size_t line_end = text.find("\r\n");
  HttpResponse response;
  if (head_end == std::string::npos || !absl::StartsWith(text, "HTTP/1.") ||
      !absl::SimpleAtoi(text.substr(9, 3), &response.code)) {
    return absl::DataLossError(absl::StrCat("not an HTTP response: ", text));
  }
  response.headers = text.substr(line_end + 2, head_end - line_end);
  response.body = text.substr(head_end + 4);
  return response;
}

}  // namespace

absl::StatusOr<HttpResponse> HttpGet(const std::string& address, const std::string& path) {
  int port = 0;
  if (!absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port)) {
    return absl::UnavailableError(absl::StrCat(address, " has no port"));
  }
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto closer = absl::MakeCleanup([fd] { close(fd); });
  const timeval timeout = {.tv_sec = 30, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  sockaddr_in peer = {};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<uint16_t>(port));
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string request = absl::StrCat("GET ", path, " HTTP/1.0\r\nHost: localhost\r\n\r\n");
  if (connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)) != 0 ||
      send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(request.size())) {
    return absl::UnavailableError(absl::StrCat("cannot reach ", address));
  }
  std::string text;
  char buffer[4096];
  ssize_t count = 0;
  while ((count = recv(fd, buffer, sizeof(buffer), 0)) > 0) text.append(buffer, count);
  if (count < 0) return absl::UnavailableError(absl::StrCat("no answer from ", address));
  return Parse(text);
}

}  // namespace chimera::testing
