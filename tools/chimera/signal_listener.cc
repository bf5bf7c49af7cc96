#include "tools/chimera/signal_listener.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "common/base/check.h"

namespace chimera {
namespace {

sigset_t HandledSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  return signals;
}

int BlockAndOpen() {
  const sigset_t signals = HandledSignals();
  CHIMERA_CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0);
  return signalfd(-1, &signals, SFD_CLOEXEC);
}

}  // namespace

SignalListener::SignalListener(Cancellation* cancellation)
    : cancellation_(cancellation), signal_fd_(BlockAndOpen()), stop_fd_(eventfd(0, EFD_CLOEXEC)) {
  CHIMERA_CHECK(signal_fd_ >= 0 && stop_fd_ >= 0) << "no file descriptor left for signals";
  thread_ = std::thread([this] { Run(); });
}

SignalListener::~SignalListener() {
  CHIMERA_CHECK(eventfd_write(stop_fd_, 1) == 0) << "eventfd";
  thread_.join();
  close(stop_fd_);
  close(signal_fd_);
  const sigset_t signals = HandledSignals();
  CHIMERA_CHECK(pthread_sigmask(SIG_UNBLOCK, &signals, nullptr) == 0);
}

void SignalListener::Run() {
  std::array<pollfd, 2> fds = {pollfd{signal_fd_, POLLIN, 0}, pollfd{stop_fd_, POLLIN, 0}};
  while (true) {
    if (poll(fds.data(), fds.size(), /*timeout=*/-1) < 0) {
      CHIMERA_CHECK(errno == EINTR) << "poll";
      continue;
    }
    if (fds[1].revents != 0) return;
    signalfd_siginfo info;
    // The signal is consumed, so that a second one does not end the process during its clean-up.
    if (read(signal_fd_, &info, sizeof(info)) != sizeof(info)) continue;
    interrupted_ = true;
    cancellation_->Cancel();
  }
}

}  // namespace chimera
