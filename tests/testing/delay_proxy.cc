#include "tests/testing/delay_proxy.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"

namespace chimera::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using TimePoint = steady_clock::time_point;

pollfd Poll(int fd, int16_t events) { return {.fd = fd, .events = events, .revents = 0}; }

// One direction of a connection.
class OneWay {
 public:
  OneWay(int from, int to, milliseconds delay) : from_(from), to_(to), delay_(delay) {}

  // What to poll for; a negative descriptor for nothing.
  pollfd Source() const { return Poll(read_all_ ? -1 : from_, POLLIN); }
  pollfd Sink() const { return Poll(blocked_ ? to_ : -1, POLLOUT); }

  // When the next bytes are due; max() if that is not known yet.
  TimePoint Due() const {
    return chunks_.empty() || blocked_ ? TimePoint::max() : chunks_.front().due;
  }

  // Takes in what has come.
  void Read() {
    std::array<char, 1 << 16> buffer;
    const ssize_t size = recv(from_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // A reset ends the direction like an orderly end does.
    read_all_ = size <= 0;
    chunks_.push_back(
        {steady_clock::now() + delay_,
         std::string(buffer.data(), static_cast<size_t>(std::max<ssize_t>(size, 0)))});
  }

  // Passes on what is due. Returns false if nobody takes it.
  bool Write() {
    blocked_ = false;
    while (!chunks_.empty() && chunks_.front().due <= steady_clock::now()) {
      std::string& bytes = chunks_.front().bytes;
      if (bytes.empty()) {
        shutdown(to_, SHUT_WR);
      } else {
        const ssize_t size = send(to_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size < 0) {
          blocked_ = errno == EAGAIN || errno == EINTR;
          return blocked_;
        }
        bytes.erase(0, static_cast<size_t>(size));
        if (!bytes.empty()) continue;
      }
      chunks_.pop_front();
    }
    return true;
  }

  bool over() const { return read_all_ && chunks_.empty(); }

 private:
  struct Chunk {
    TimePoint due;
    std::string bytes;  // empty: the end
  };

  const int from_;
  const int to_;
  const milliseconds delay_;
  std::deque<Chunk> chunks_;
  bool read_all_ = false;
  bool blocked_ = false;  // bytes are due, and the receiver takes none
};

struct Connection {
  Connection(OwnedFd client_end, OwnedFd server_end, milliseconds delay)
      : client(std::move(client_end)),
        server(std::move(server_end)),
        ways{OneWay(client.get(), server.get(), delay), OneWay(server.get(), client.get(), delay)} {
  }

  // Moves what can be moved. Returns false if the connection is over.
  bool Move(const pollfd* polled) {
    for (OneWay& way : ways) {
      if ((polled++)->revents != 0) way.Read();
      ++polled;
      if (!way.Write()) return false;
    }
    return !ways[0].over() || !ways[1].over();
  }

  const OwnedFd client;
  const OwnedFd server;
  std::array<OneWay, 2> ways;
};

constexpr size_t kPolledPerConnection = 4;

}  // namespace

DelayProxy::DelayProxy(Address address, Address server, milliseconds delay)
    : address_(std::move(address)),
      server_(std::move(server)),
      delay_(delay),
      listener_(Listen(&address_)),
      stop_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Run(); }) {}

DelayProxy::~DelayProxy() {
  CHIMERA_CHECK(eventfd_write(stop_.get(), 1) == 0);
  thread_.join();
  if (address_.is_unix()) unlink(address_.unix_path.c_str());
}

void DelayProxy::Run() {
  std::list<Connection> connections;
  std::vector<pollfd> polled;
  while (true) {
    polled = {Poll(stop_.get(), POLLIN), Poll(listener_.get(), POLLIN)};
    TimePoint due = TimePoint::max();
    for (const Connection& connection : connections) {
      for (const OneWay& way : connection.ways) {
        polled.insert(polled.end(), {way.Source(), way.Sink()});
        due = std::min(due, way.Due());
      }
    }
    int timeout_ms = -1;
    if (due != TimePoint::max()) {
      const auto left = std::chrono::ceil<milliseconds>(due - steady_clock::now());
      timeout_ms = static_cast<int>(std::max<int64_t>(left.count(), 0));
    }
    const int ready = poll(polled.data(), polled.size(), timeout_ms);
    CHIMERA_CHECK(ready >= 0 || errno == EINTR);
    if (ready < 0) continue;
    if (polled[0].revents != 0) return;
    const pollfd* next = polled.data() + 2;
    for (auto connection = connections.begin(); connection != connections.end();) {
      const bool lives = connection->Move(next);
      next += kPolledPerConnection;
      connection = lives ? std::next(connection) : connections.erase(connection);
    }
    if (polled[1].revents != 0) {
      OwnedFd client = Accept(listener_);
      OwnedFd server = Dial(server_);
      if (client.valid() && server.valid()) {
        connections.emplace_back(std::move(client), std::move(server), delay_);
      }
    }
  }
}

}  // namespace chimera::testing
