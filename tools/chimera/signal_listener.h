// Turns SIGINT, SIGTERM and SIGHUP into a cancellation, so that commands end in good order.

#ifndef CHIMERA_TOOLS_CHIMERA_SIGNAL_LISTENER_H_
#define CHIMERA_TOOLS_CHIMERA_SIGNAL_LISTENER_H_

#include <atomic>
#include <thread>

#include "tools/chimera/cancellation.h"

namespace chimera {

// While an object lives, these signals to the process cancel its cancellation and do nothing else.
// REQUIRES: constructed in the main thread before any other thread starts, because threads
// inherit the signal mask that it sets; at most one at a time.
class SignalListener {
 public:
  explicit SignalListener(Cancellation* cancellation);
  ~SignalListener();
  SignalListener(const SignalListener&) = delete;
  SignalListener& operator=(const SignalListener&) = delete;

  // Whether a signal came. Thread-safe.
  bool interrupted() const { return interrupted_; }

 private:
  void Run();

  Cancellation* const cancellation_;
  const int signal_fd_;
  const int stop_fd_;
  std::atomic<bool> interrupted_ = false;
  std::thread thread_;
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_SIGNAL_LISTENER_H_
