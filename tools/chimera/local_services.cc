#include "tools/chimera/local_services.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "chimera/v1/generation_service.pb.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "tools/chimera/generation_client.h"

namespace chimera {
namespace {

constexpr char kVerifierSocket[] = "/verifier.sock";
constexpr char kDrafterSocket[] = "/drafter.sock";
constexpr char kVerifierLog[] = "/verifier.log";
constexpr char kDrafterLog[] = "/drafter.log";

// How often the processes are looked at while they start.
constexpr std::chrono::milliseconds kPollInterval{50};

// How much of a log an error message shows.
constexpr size_t kLogTailLines = 10;

absl::StatusOr<std::string> MakeDirectory(const std::string& parent) {
  std::string path = absl::StrCat(parent, "/chimera-XXXXXX");
  if (path.size() + strlen(kVerifierSocket) >= sizeof(sockaddr_un::sun_path)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path of the temporary folder ", parent,
                     " is too long for Unix sockets: set TMPDIR to a shorter one"));
  }
  if (mkdtemp(path.data()) == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("cannot make a folder under ", parent, ": ", strerror(errno)));
  }
  return path;
}

absl::StatusOr<std::unique_ptr<Subprocess>> Launch(const std::vector<std::string>& argv,
                                                   const std::string& log_path) {
  CHIMERA_ASSIGN_OR_RETURN(Subprocess process, Subprocess::Start(argv, log_path));
  return std::make_unique<Subprocess>(std::move(process));
}

std::string LogTail(const std::string& path) {
  std::ifstream log(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(log, line);) {
    lines.push_back(absl::StrCat("  ", line));
    if (lines.size() > kLogTailLines) lines.erase(lines.begin());
  }
  return lines.empty() ? "  (empty)" : absl::StrJoin(lines, "\n");
}

// A channel that becomes ready when grpc.health.v1 says SERVING: gRPC's own health checking, which
// only this balancing policy does.
std::shared_ptr<grpc::Channel> CreateHealthCheckedChannel(const Address& address) {
  grpc::ChannelArguments arguments = DefaultChannelArguments();
  arguments.SetServiceConfigJSON(
      R"({"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}})");
  return grpc::CreateCustomChannel(address.ToString(), grpc::InsecureChannelCredentials(),
                                   arguments);
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalServices>> LocalServices::Start(
    const LocalServicesConfig& config, Cancellation* cancellation) {
  if (access(config.model_path.c_str(), R_OK) != 0) {
    return absl::NotFoundError(absl::StrCat(
        "cannot read the model ", config.model_path, ": ", strerror(errno),
        "; scripts/setup fetches the default model, --model and CHIMERA_MODEL name another"));
  }
  std::unique_ptr<LocalServices> services(new LocalServices(config));
  CHIMERA_ASSIGN_OR_RETURN(services->directory_, MakeDirectory(config.temporary_directory));
  services->start_deadline_ = std::chrono::steady_clock::now() + config.start_timeout;
  CHIMERA_RETURN_IF_ERROR(services->StartProcesses());
  absl::Status status = services->WaitUntilServing(cancellation);
  if (status.ok()) status = services->WaitUntilDrafterReady(cancellation);
  if (absl::IsCancelled(status)) return status;
  if (!status.ok()) return services->WithLogs(status);
  return services;
}

LocalServices::~LocalServices() {
  if (verifier_ != nullptr) verifier_->Terminate();
  if (drafter_ != nullptr) drafter_->Terminate();
  if (verifier_ != nullptr) verifier_->Stop(config_.stop_timeout);
  if (drafter_ != nullptr) drafter_->Stop(config_.stop_timeout);
  std::error_code ignored;  // The folder lies under the temporary one, nothing else can be done.
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

Address LocalServices::address() const {
  return {.unix_path = absl::StrCat(directory_, kVerifierSocket)};
}

absl::Status LocalServices::StartProcesses() {
  const std::string drafter_address = absl::StrCat("unix:", directory_, kDrafterSocket);
  CHIMERA_ASSIGN_OR_RETURN(
      drafter_, Launch({absl::StrCat(config_.binary_directory, "/chimera-drafter"), "--listen",
                        drafter_address, "--model", config_.model_path},
                       directory_ + kDrafterLog));
  std::vector<std::string> argv = {absl::StrCat(config_.binary_directory, "/chimera-verifier"),
                                   "--listen",
                                   address().ToString(),
                                   "--drafter",
                                   drafter_address,
                                   "--model",
                                   config_.model_path};
  if (config_.threads > 0) {
    argv.insert(argv.end(), {"--threads", absl::StrCat(config_.threads)});
  }
  CHIMERA_ASSIGN_OR_RETURN(verifier_, Launch(argv, directory_ + kVerifierLog));
  return absl::OkStatus();
}

absl::Status LocalServices::CheckWaiting(const Cancellation& cancellation) {
  if (cancellation.cancelled()) return absl::CancelledError("interrupted");
  if (const auto exit = drafter_->PollExit()) {
    return absl::UnavailableError(absl::StrCat("chimera-drafter ", *exit, " while starting"));
  }
  if (const auto exit = verifier_->PollExit()) {
    return absl::UnavailableError(absl::StrCat("chimera-verifier ", *exit, " while starting"));
  }
  if (std::chrono::steady_clock::now() >= start_deadline_) {
    return absl::DeadlineExceededError(
        absl::StrCat("the services were not ready after ",
                     std::chrono::duration<double>(config_.start_timeout).count(), " seconds"));
  }
  return absl::OkStatus();
}

absl::Status LocalServices::WaitUntilServing(Cancellation* cancellation) {
  const auto channel = CreateHealthCheckedChannel(address());
  do {
    CHIMERA_RETURN_IF_ERROR(CheckWaiting(*cancellation));
  } while (!channel->WaitForConnected(std::chrono::system_clock::now() + kPollInterval));
  return absl::OkStatus();
}

absl::Status LocalServices::WaitUntilDrafterReady(Cancellation* cancellation) {
  GenerationClient client(CreateChannel(address()), cancellation);
  while (true) {
    CHIMERA_RETURN_IF_ERROR(CheckWaiting(*cancellation));
    CHIMERA_ASSIGN_OR_RETURN(const v1::GetServerInfoResponse info, client.GetServerInfo());
    for (const v1::DrafterInfo& drafter : info.drafters()) {
      if (drafter.state() == v1::DRAFTER_STATE_READY) return absl::OkStatus();
      if (drafter.state() == v1::DRAFTER_STATE_REFUSED) {
        return absl::FailedPreconditionError(
            absl::StrCat("verifier and drafter do not fit: ", drafter.detail()));
      }
    }
    std::this_thread::sleep_for(kPollInterval);
  }
}

absl::Status LocalServices::WithLogs(const absl::Status& status) const {
  return absl::Status(
      status.code(),
      absl::StrCat(status.message(), "\nchimera-verifier's log ends with:\n",
                   LogTail(directory_ + kVerifierLog), "\nchimera-drafter's log ends with:\n",
                   LogTail(directory_ + kDrafterLog)));
}

}  // namespace chimera
