// Runs a gRPC server: listeners, health, reflection, draining.

#ifndef CHIMERA_COMMON_RPC_SERVER_RUNNER_H_
#define CHIMERA_COMMON_RPC_SERVER_RUNNER_H_

#include <grpcpp/channel.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/rpc/address.h"
#include "common/rpc/transport_limits.h"

namespace chimera {

enum class Reflection { kOff, kOn };

// How a server listens. Constant.
struct ServerConfig {
  std::vector<Address> listen_addresses = {};  // may be empty: reachable in-process only
  Reflection reflection = Reflection::kOn;
  Keepalive keepalive = {};
};

// A server for one or more services, with grpc.health.v1 beside them. It is healthy from Start to
// Drain under the names "", each service's full name and "readiness"; "liveness" stays healthy
// while it drains.
//
// Services of the callback API are added and run by themselves. Services of the asynchronous API
// also need queues from AddCompletionQueue, which their owner polls until Drain has returned, and
// only then shuts down and empties.
//
// One thread at a time. The services must outlive the runner.
class ServerRunner {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  explicit ServerRunner(ServerConfig config);
  // Drains without grace if nobody has.
  ~ServerRunner();
  ServerRunner(const ServerRunner&) = delete;
  ServerRunner& operator=(const ServerRunner&) = delete;

  // Serves `service` (borrowed), whose full name is for example
  // v1::DrafterService::service_full_name(). REQUIRES: before Start.
  void AddService(grpc::Service* service, std::string full_name);

  // A queue for services of the asynchronous API. REQUIRES: before Start.
  std::unique_ptr<grpc::ServerCompletionQueue> AddCompletionQueue();

  // Listens on all addresses and serves, or says which address failed and why. Call it once.
  absl::Status Start();

  // Where it listens, in the order of the configuration, with the ports that the kernel chose.
  const std::vector<Address>& addresses() const { return addresses_; }

  // A channel that does not leave the process. REQUIRES: started.
  std::shared_ptr<grpc::Channel> InProcessChannel();

  // Lets health say NOT_SERVING under all names, "liveness" included, for good: whoever watches it
  // should start the process anew. Any thread. REQUIRES: started.
  void SetBroken();

  // Lets running calls end. By the deadline it refuses new calls, waits for running ones and
  // cancels the rest; it must return.
  using FinishCalls = std::function<void(Deadline deadline)>;

  // Stops the server, in this order: health says NOT_SERVING; `finish_calls` runs, with `timeout`
  // from now as its deadline; the listeners close and calls that are left, such as health watchers,
  // are cancelled. DEADLINE_EXCEEDED if a call ignores its cancellation; the process should then
  // end without destroying the services (std::quick_exit), since the call may still use them.
  // REQUIRES: started.
  absl::Status Drain(const FinishCalls& finish_calls, std::chrono::milliseconds timeout);

 private:
  struct Shutdown;

  absl::Status AddListeners();
  void SetServing(bool is_serving);

  const ServerConfig config_;
  grpc::ServerBuilder builder_;
  std::vector<std::string> health_names_;
  std::vector<Address> addresses_;
  std::vector<int> ports_;  // written by the builder at Start, one per address
  std::shared_ptr<grpc::Server> server_;
  bool drained_ = false;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_RPC_SERVER_RUNNER_H_
