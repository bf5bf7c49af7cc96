#include "common/rpc/server_runner.h"

#include <grpc/impl/codegen/grpc_types.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/security/server_credentials.h>

#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/unix_socket.h"

namespace chimera {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr char kLivenessName[] = "liveness";
constexpr char kReadinessName[] = "readiness";

// After the caller let calls end, the rest is cancelled almost at once ...
constexpr milliseconds kCancelAfter(50);
// ... and given this long to notice.
constexpr milliseconds kGiveUpAfter(3000);

// Serves without reflection, which merely linking the library adds to all servers of the process.
class NoReflectionOption : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    const std::string name = grpc::reflection::ProtoServerReflectionPlugin().name();
    std::erase_if(*plugins, [&](const auto& plugin) { return plugin->name() == name; });
  }
};

void SetTransport(const Keepalive& keepalive, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                             static_cast<int>(keepalive.interval.count()));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                             static_cast<int>(keepalive.timeout.count()));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             static_cast<int>(kMinPingInterval.count()));
  // Otherwise a second server on the same port gets half of the connections, silently.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

}  // namespace

// grpc::Server::Shutdown on a thread of its own, because it waits for ever for a call that never
// finishes. Shared by that thread and the one that waits for it.
struct ServerRunner::Shutdown {
  explicit Shutdown(std::shared_ptr<grpc::Server> s) : server(std::move(s)) {}

  // Returns false if the server had not stopped by `deadline`.
  bool WaitUntil(Deadline deadline) {
    MutexLock lock(&mutex);
    while (!done) {
      if (!changed.WaitUntil(&mutex, deadline)) return done;
    }
    return true;
  }

  void Run() {
    server->Shutdown(std::chrono::system_clock::now() + kCancelAfter);
    MutexLock lock(&mutex);
    done = true;
    changed.NotifyAll();
  }

  const std::shared_ptr<grpc::Server> server;
  Mutex mutex;
  CondVar changed;
  bool done ABSL_GUARDED_BY(mutex) = false;
};

ServerRunner::ServerRunner(ServerConfig config) : config_(std::move(config)) {
  SetTransport(config_.keepalive, builder_);
  if (config_.reflection == Reflection::kOff) {
    builder_.SetOption(std::make_unique<NoReflectionOption>());
  }
  health_names_ = {"", kReadinessName};
}

ServerRunner::~ServerRunner() {
  if (server_ != nullptr && !drained_) {
    // A call that is stuck keeps its server; there is nobody to tell.
    Drain([](Deadline) {}, milliseconds(0)).IgnoreError();
  }
}

void ServerRunner::AddService(grpc::Service* service, std::string full_name) {
  CHIMERA_CHECK(server_ == nullptr) << "the server has started";
  builder_.RegisterService(service);
  health_names_.push_back(std::move(full_name));
}

std::unique_ptr<grpc::ServerCompletionQueue> ServerRunner::AddCompletionQueue() {
  CHIMERA_CHECK(server_ == nullptr) << "the server has started";
  return builder_.AddCompletionQueue();
}

absl::Status ServerRunner::AddListeners() {
  ports_.assign(config_.listen_addresses.size(), 0);
  for (size_t i = 0; i < config_.listen_addresses.size(); ++i) {
    const Address& address = config_.listen_addresses[i];
    if (address.is_unix()) CHIMERA_RETURN_IF_ERROR(PrepareUnixSocketPath(address.unix_path));
    builder_.AddListeningPort(address.ToString(), grpc::InsecureServerCredentials(), &ports_[i]);
  }
  return absl::OkStatus();
}

absl::Status ServerRunner::Start() {
  CHIMERA_CHECK(server_ == nullptr) << "the server has started";
  grpc::EnableDefaultHealthCheckService(true);
  CHIMERA_RETURN_IF_ERROR(AddListeners());
  server_ = builder_.BuildAndStart();
  addresses_ = config_.listen_addresses;
  for (size_t i = 0; i < addresses_.size(); ++i) {
    if (ports_[i] == 0) {
      server_ = nullptr;
      return absl::UnavailableError(absl::StrCat("cannot listen on ", addresses_[i].ToString(),
                                                 ": in use, not permitted, or not an address of "
                                                 "this machine"));
    }
    if (!addresses_[i].is_unix()) addresses_[i].port = ports_[i];
  }
  if (server_ == nullptr) return absl::InternalError("gRPC refused to start the server");
  SetServing(true);
  server_->GetHealthCheckService()->SetServingStatus(kLivenessName, true);
  return absl::OkStatus();
}

void ServerRunner::SetServing(bool is_serving) {
  grpc::HealthCheckServiceInterface* const health = server_->GetHealthCheckService();
  for (const std::string& name : health_names_) health->SetServingStatus(name, is_serving);
}

void ServerRunner::SetBroken() {
  CHIMERA_CHECK(server_ != nullptr) << "the server has not started";
  SetServing(false);
  server_->GetHealthCheckService()->SetServingStatus(kLivenessName, false);
}

std::shared_ptr<grpc::Channel> ServerRunner::InProcessChannel() {
  CHIMERA_CHECK(server_ != nullptr) << "the server has not started";
  return server_->InProcessChannel(DefaultChannelArguments());
}

absl::Status ServerRunner::Drain(const FinishCalls& finish_calls, milliseconds timeout) {
  CHIMERA_CHECK(server_ != nullptr && !drained_) << "not running";
  drained_ = true;
  SetServing(false);
  finish_calls(steady_clock::now() + timeout);

  const auto shutdown = std::make_shared<Shutdown>(server_);
  std::thread thread([shutdown] { shutdown->Run(); });
  if (shutdown->WaitUntil(steady_clock::now() + kCancelAfter + kGiveUpAfter)) {
    thread.join();
    return absl::OkStatus();
  }
  thread.detach();
  return absl::DeadlineExceededError("a call did not end after it was cancelled");
}

}  // namespace chimera
