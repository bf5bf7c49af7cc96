// Plain stream sockets for tests that look beneath gRPC.

#ifndef CHIMERA_TESTS_TESTING_STREAM_SOCKET_H_
#define CHIMERA_TESTS_TESTING_STREAM_SOCKET_H_

#include <utility>

#include "common/rpc/address.h"

namespace chimera::testing {

// Owns a file descriptor; -1 stands for none.
class OwnedFd {
 public:
  explicit OwnedFd(int fd = -1) : fd_(fd) {}
  ~OwnedFd();
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

// Listens on a Unix socket or an IPv4 address; writes the kernel's choice to a port of 0. Ends the
// test program if it cannot.
OwnedFd Listen(Address* address);

// Connects; an invalid OwnedFd if nobody listens.
OwnedFd Dial(const Address& address);

// Takes the next connection; waits for it if the listener blocks, as Listen's do.
OwnedFd Accept(const OwnedFd& listener);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_STREAM_SOCKET_H_
