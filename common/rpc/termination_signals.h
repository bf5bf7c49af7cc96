// SIGTERM and SIGINT as something to wait for, so that no work is done in signal handlers.

#ifndef CHIMERA_COMMON_RPC_TERMINATION_SIGNALS_H_
#define CHIMERA_COMMON_RPC_TERMINATION_SIGNALS_H_

namespace chimera {

// Blocks SIGTERM and SIGINT in the calling thread and in all threads that it starts afterwards.
// Call it first in main: a thread that does not block them would end the process. Also makes writes
// to closed sockets fail instead of ending the process (SIGPIPE).
void BlockTerminationSignals();

// Waits until the process is asked to end and returns the signal. Call it in the main thread, after
// BlockTerminationSignals. From then on a second signal ends the process at once: an operator who
// presses Ctrl-C twice does not want to wait.
int WaitForTermination();

}  // namespace chimera

#endif  // CHIMERA_COMMON_RPC_TERMINATION_SIGNALS_H_
