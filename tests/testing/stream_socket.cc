#include "tests/testing/stream_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/check.h"

namespace chimera::testing {
namespace {

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress ToSocketAddress(const Address& address) {
  SocketAddress result;
  if (address.is_unix()) {
    auto* const local = reinterpret_cast<sockaddr_un*>(&result.storage);
    CHIMERA_CHECK(address.unix_path.size() < sizeof(local->sun_path)) << address.unix_path;
    local->sun_family = AF_UNIX;
    std::memcpy(local->sun_path, address.unix_path.data(), address.unix_path.size());
    result.size = sizeof(sockaddr_un);
    return result;
  }
  auto* const internet = reinterpret_cast<sockaddr_in*>(&result.storage);
  internet->sin_family = AF_INET;
  internet->sin_port = htons(static_cast<uint16_t>(address.port));
  CHIMERA_CHECK(inet_pton(AF_INET, address.host.c_str(), &internet->sin_addr) == 1) << address.host;
  result.size = sizeof(sockaddr_in);
  return result;
}

OwnedFd NewSocket(const Address& address) {
  OwnedFd fd(socket(address.is_unix() ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  CHIMERA_CHECK(fd.valid()) << std::strerror(errno);
  return fd;
}

// Whatever is written leaves at once.
void SetNoDelay(const OwnedFd& fd) {
  const int on = 1;
  // Fails for a Unix socket, which needs none.
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

}  // namespace

OwnedFd::~OwnedFd() {
  if (fd_ >= 0) close(fd_);
}

OwnedFd Listen(Address* address) {
  OwnedFd fd = NewSocket(*address);
  SocketAddress name = ToSocketAddress(*address);
  // Connections of an earlier listener may linger.
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  CHIMERA_CHECK(bind(fd.get(), name.get(), name.size) == 0 && listen(fd.get(), SOMAXCONN) == 0)
      << address->ToString() << ": " << std::strerror(errno);
  if (!address->is_unix()) {
    CHIMERA_CHECK(getsockname(fd.get(), name.get(), &name.size) == 0) << std::strerror(errno);
    address->port = ntohs(reinterpret_cast<const sockaddr_in*>(&name.storage)->sin_port);
  }
  return fd;
}

OwnedFd Dial(const Address& address) {
  OwnedFd fd = NewSocket(address);
  SocketAddress name = ToSocketAddress(address);
  if (connect(fd.get(), name.get(), name.size) != 0) return OwnedFd();
  SetNoDelay(fd);
  return fd;
}

OwnedFd Accept(const OwnedFd& listener) {
  OwnedFd fd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (fd.valid()) SetNoDelay(fd);
  return fd;
}

}  // namespace chimera::testing
