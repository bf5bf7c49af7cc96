#include "tools/chimera/local_node.h"

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

constexpr char kSocket[] = "/node.sock";
constexpr char kLog[] = "/node.log";

// How the log says where metrics are served.
constexpr char kMetricsLine[] = "serving metrics address=";

// How often the process is looked at while it starts.
constexpr std::chrono::milliseconds kPollInterval{50};

// How much of a log an error message shows.
constexpr size_t kLogTailLines = 10;

absl::StatusOr<std::string> MakeDirectory(const std::string& parent) {
  std::string path = absl::StrCat(parent, "/chimera-XXXXXX");
  if (path.size() + strlen(kSocket) >= sizeof(sockaddr_un::sun_path)) {
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

absl::StatusOr<std::unique_ptr<LocalNode>> LocalNode::Start(const LocalNodeConfig& config,
                                                            Cancellation* cancellation) {
  if (access(config.model_path.c_str(), R_OK) != 0) {
    return absl::NotFoundError(absl::StrCat(
        "cannot read the model ", config.model_path, ": ", strerror(errno),
        "; scripts/setup fetches the default model, --model and CHIMERA_MODEL name another"));
  }
  std::unique_ptr<LocalNode> node(new LocalNode(config));
  CHIMERA_ASSIGN_OR_RETURN(node->directory_, MakeDirectory(config.temporary_directory));
  node->start_deadline_ = std::chrono::steady_clock::now() + config.start_timeout;
  CHIMERA_RETURN_IF_ERROR(node->StartProcess());
  absl::Status status = node->WaitUntilServing(cancellation);
  if (status.ok()) status = node->WaitUntilDrafterReady(cancellation);
  if (status.ok()) status = node->WaitForMetrics(cancellation);
  if (absl::IsCancelled(status)) return status;
  if (!status.ok()) return node->WithLog(status);
  return node;
}

LocalNode::~LocalNode() {
  if (process_ != nullptr) {
    process_->Terminate();
    process_->Stop(config_.stop_timeout);
  }
  std::error_code ignored;  // The folder lies under the temporary one, nothing else can be done.
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

Address LocalNode::address() const { return {.unix_path = absl::StrCat(directory_, kSocket)}; }

absl::Status LocalNode::StartProcess() {
  std::vector<std::string> argv = {absl::StrCat(config_.binary_directory, "/chimera-node"),
                                   absl::StrCat("--metrics_listen=", config_.metrics_listen),
                                   "--listen",
                                   address().ToString(),
                                   "--model",
                                   config_.model_path};
  if (!config_.draft_model.empty()) {
    argv.insert(argv.end(), {"--draft_model", config_.draft_model});
  }
  if (config_.threads > 0) {
    argv.insert(argv.end(), {"--threads", absl::StrCat(config_.threads)});
  }
  CHIMERA_ASSIGN_OR_RETURN(Subprocess process, Subprocess::Start(argv, directory_ + kLog));
  process_ = std::make_unique<Subprocess>(std::move(process));
  return absl::OkStatus();
}

absl::Status LocalNode::CheckWaiting(const Cancellation& cancellation) {
  if (cancellation.cancelled()) return absl::CancelledError("interrupted");
  if (const auto exit = process_->PollExit()) {
    return absl::UnavailableError(absl::StrCat("chimera-node ", *exit, " while starting"));
  }
  if (std::chrono::steady_clock::now() >= start_deadline_) {
    return absl::DeadlineExceededError(
        absl::StrCat("chimera-node was not ready after ",
                     std::chrono::duration<double>(config_.start_timeout).count(), " seconds"));
  }
  return absl::OkStatus();
}

absl::Status LocalNode::WaitUntilServing(Cancellation* cancellation) {
  const auto channel = CreateHealthCheckedChannel(address());
  do {
    CHIMERA_RETURN_IF_ERROR(CheckWaiting(*cancellation));
  } while (!channel->WaitForConnected(std::chrono::system_clock::now() + kPollInterval));
  return absl::OkStatus();
}

absl::Status LocalNode::WaitUntilDrafterReady(Cancellation* cancellation) {
  GenerationClient client(CreateChannel(address()), cancellation);
  while (true) {
    CHIMERA_RETURN_IF_ERROR(CheckWaiting(*cancellation));
    CHIMERA_ASSIGN_OR_RETURN(const v1::GetServerInfoResponse info, client.GetServerInfo());
    for (const v1::DrafterInfo& drafter : info.drafters()) {
      if (drafter.state() == v1::DRAFTER_STATE_READY) return absl::OkStatus();
      if (drafter.state() == v1::DRAFTER_STATE_REFUSED) {
        return absl::FailedPreconditionError(
            absl::StrCat("the drafter does not fit: ", drafter.detail()));
      }
    }
    std::this_thread::sleep_for(kPollInterval);
  }
}

bool LocalNode::FindMetrics() {
  std::ifstream log(directory_ + kLog);
  for (std::string line; std::getline(log, line) && !log.eof();) {
    const size_t found = line.find(kMetricsLine);
    if (found == std::string::npos) continue;
    metrics_address_ = line.substr(found + strlen(kMetricsLine));
    return true;
  }
  return false;
}

absl::Status LocalNode::WaitForMetrics(Cancellation* cancellation) {
  if (config_.metrics_listen.empty()) return absl::OkStatus();
  while (!FindMetrics()) {
    CHIMERA_RETURN_IF_ERROR(CheckWaiting(*cancellation));
    std::this_thread::sleep_for(kPollInterval);
  }
  return absl::OkStatus();
}

absl::Status LocalNode::WithLog(const absl::Status& status) const {
  return absl::Status(status.code(),
                      absl::StrCat(status.message(), "\nchimera-node's log ends with:\n",
                                   LogTail(directory_ + kLog)));
}

}  // namespace chimera
