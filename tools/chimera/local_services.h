// A drafter and a verifier of our own, for commands that run without a server.

#ifndef CHIMERA_TOOLS_CHIMERA_LOCAL_SERVICES_H_
#define CHIMERA_TOOLS_CHIMERA_LOCAL_SERVICES_H_

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
struct LocalServicesConfig {
  // Folder that holds chimera-verifier and chimera-drafter.
  std::string binary_directory;
  // Model file of both.
  std::string model_path;
  // Threads of the verifier; 0 leaves the choice to it.
  int threads = 0;
  // Folder under which the sockets and logs get a folder of their own.
  std::string temporary_directory = "/tmp";
  // Loading a large model from a cold disk takes its time.
  std::chrono::milliseconds start_timeout = std::chrono::minutes(2);
  // How long the services may take to end before they are killed.
  std::chrono::milliseconds stop_timeout = std::chrono::seconds(5);
};

// Both services as child processes that talk over Unix sockets. They run as long as the object and
// leave nothing behind. Not thread-safe.
class LocalServices {
 public:
  // Returns when grpc.health.v1 says SERVING of the verifier and the verifier says READY of its
  // drafter. Otherwise nothing is left running, and the message holds the end of the logs:
  // NOT_FOUND where a program or the model is missing, UNAVAILABLE where a service ended,
  // DEADLINE_EXCEEDED after `start_timeout`, FAILED_PRECONDITION where the verifier refuses the
  // drafter, CANCELLED after a cancellation.
  static absl::StatusOr<std::unique_ptr<LocalServices>> Start(const LocalServicesConfig& config,
                                                              Cancellation* cancellation);

  ~LocalServices();
  LocalServices(const LocalServices&) = delete;
  LocalServices& operator=(const LocalServices&) = delete;

  // Address of the verifier.
  Address address() const;

 private:
  explicit LocalServices(const LocalServicesConfig& config) : config_(config) {}

  absl::Status StartProcesses();
  // Waits until the verifier serves, then until its drafter is ready.
  absl::Status WaitUntilServing(Cancellation* cancellation);
  absl::Status WaitUntilDrafterReady(Cancellation* cancellation);
  // An error where waiting has become pointless.
  absl::Status CheckWaiting(const Cancellation& cancellation);
  // `status` with the ends of both logs.
  absl::Status WithLogs(const absl::Status& status) const;

  const LocalServicesConfig config_;
  std::string directory_;  // Empty until it exists.
  std::chrono::steady_clock::time_point start_deadline_;
  std::unique_ptr<Subprocess> drafter_;
  std::unique_ptr<Subprocess> verifier_;
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_LOCAL_SERVICES_H_
