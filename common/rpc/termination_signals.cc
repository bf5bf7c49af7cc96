#include "common/rpc/termination_signals.h"

#include <pthread.h>
#include <signal.h>

#include "common/base/check.h"

namespace chimera {
namespace {

sigset_t TerminationSet() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

void BlockTerminationSignals() {
  const sigset_t set = TerminationSet();
  const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr);
  CHIMERA_CHECK(error == 0) << "pthread_sigmask: " << error;
  signal(SIGPIPE, SIG_IGN);
}

int WaitForTermination() {
  const sigset_t set = TerminationSet();
  int signal_number = 0;
  const int error = sigwait(&set, &signal_number);
  CHIMERA_CHECK(error == 0) << "sigwait: " << error;
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  return signal_number;
}

}  // namespace chimera
