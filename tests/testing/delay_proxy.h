// A slow link, for tests of what the services do with one.

#ifndef CHIMERA_TESTS_TESTING_DELAY_PROXY_H_
#define CHIMERA_TESTS_TESTING_DELAY_PROXY_H_

#include <chrono>
#include <thread>

#include "common/rpc/address.h"
#include "tests/testing/stream_socket.h"

namespace chimera::testing {

// Carries the bytes of every connection to a server and back, each byte `delay` late in either
// direction; so does the end of either direction. Bytes keep coming however many are under way: the
// link is slow, not narrow. A client whose server does not listen is hung up on.
class DelayProxy {
 public:
  // Listens on `address`, whose port may be 0, for clients of `server`, which need not listen yet.
  DelayProxy(Address address, Address server, std::chrono::milliseconds delay);
  // Closes all connections, and leaves the address free.
  ~DelayProxy();
  DelayProxy(const DelayProxy&) = delete;
  DelayProxy& operator=(const DelayProxy&) = delete;

  // Where it listens, with the port that the kernel chose.
  const Address& address() const { return address_; }

 private:
  void Run();

  Address address_;
  const Address server_;
  const std::chrono::milliseconds delay_;
  const OwnedFd listener_;
  const OwnedFd stop_;  // an eventfd, readable once the proxy shall end
  std::thread thread_;  // last, so that all it uses is there
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_DELAY_PROXY_H_
