// A chimera-node of our own, for commands that run without a server.

#ifndef CHIMERA_TOOLS_CHIMERA_LOCAL_NODE_H_
#define CHIMERA_TOOLS_CHIMERA_LOCAL_NODE_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/address.h"
#include "tools/chimera/cancellation.h"
#include "tools/chimera/subprocess.h"

namespace chimera {

// What to start, and how long to wait for it.
struct LocalNodeConfig {
  // Folder that holds chimera-node.
  std::string binary_directory;
  // Model file.
  std::string model_path;
  // Draft model as chimera-node takes it; empty leaves the choice to the node.
  std::string draft_model;
  // Threads that compute; 0 leaves the choice to the node.
  int threads = 0;
  // Address to serve metrics on, port 0 takes a free one; empty: none. A port of its own would keep
  // others from using it.
  std::string metrics_listen;
  // Folder under which the socket and the log get a folder of their own.
  std::string temporary_directory = "/tmp";
  // Loading a large model from a cold disk takes its time.
  std::chrono::milliseconds start_timeout = std::chrono::minutes(2);
  // How long the node may take to end before it is killed.
  std::chrono::milliseconds stop_timeout = std::chrono::seconds(5);
};

// A child process that serves on a Unix socket. It runs as long as the object and leaves nothing
// behind. Not thread-safe.
class LocalNode {
 public:
  // Returns when grpc.health.v1 says SERVING and the node says READY of its drafter. Otherwise
  // nothing is left running, and the message holds the end of the log: NOT_FOUND where the program
  // or the model is missing, UNAVAILABLE where the node ended, DEADLINE_EXCEEDED after
  // `start_timeout`, FAILED_PRECONDITION where the drafter is refused, CANCELLED after a
  // cancellation.
  static absl::StatusOr<std::unique_ptr<LocalNode>> Start(const LocalNodeConfig& config,
                                                          Cancellation* cancellation);

  ~LocalNode();
  LocalNode(const LocalNode&) = delete;
  LocalNode& operator=(const LocalNode&) = delete;

  // Where the node listens.
  Address address() const;

  // Where it serves metrics, "host:port"; empty if it does not.
  std::string metrics_address() const { return metrics_address_; }

 private:
  explicit LocalNode(const LocalNodeConfig& config) : config_(config) {}

  absl::Status StartProcess();
  // Waits until the verifier serves, then until its drafter is ready, then until metrics are served
  // if they are wanted.
  absl::Status WaitUntilServing(Cancellation* cancellation);
  absl::Status WaitUntilDrafterReady(Cancellation* cancellation);
  absl::Status WaitForMetrics(Cancellation* cancellation);
  // An error where waiting has become pointless.
  absl::Status CheckWaiting(const Cancellation& cancellation);
  // Takes metrics_address_ out of the log. False as long as the node has not said it there.
  bool FindMetrics();
  // `status` with the end of the log.
  absl::Status WithLog(const absl::Status& status) const;

  const LocalNodeConfig config_;
  std::string directory_;  // Empty until it exists.
  std::string metrics_address_;
  std::chrono::steady_clock::time_point start_deadline_;
  std::unique_ptr<Subprocess> process_;
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_LOCAL_NODE_H_
