// Prints how long a draft takes from verifier to drafter and back, over a Unix socket and over TCP.
//
//   link_benchmark [round trips per transport]
//
// Both ends are the product's own, DrafterLink and DrafterServer, in processes of their own. The
// draft model answers at once, so what is left is the link: messages, gRPC, wake-ups. The messages
// are those of a step of the default model that accepted two candidates.

#include <prometheus/registry.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/metrics/verifier_metrics.h"
#include "common/rpc/address.h"
#include "common/rpc/channel.h"
#include "drafter/drafter_server.h"
#include "tests/testing/eventually.h"
#include "tests/testing/temp_directory.h"
#include "verifier/drafter_client/drafter_link.h"

namespace chimera {
namespace {

constexpr int kHiddenSize = 576;
constexpr int kLayers = 30;
constexpr int kVocabSize = 49152;
constexpr int kContextLength = 1 << 30;  // one sequence lasts the whole run
constexpr int kTokensPerStep = 3;
constexpr int kTreeNodes = 8;
constexpr int kTreeDepth = 4;
constexpr DraftPrices kPrices = {.token_seconds = 4e-3f, .node_seconds = 2e-4f};
constexpr int kWarmUps = 1000;
// The transports take turns, so that a noisy machine hits both alike.
constexpr int kBlocks = 10;
constexpr int kDefaultRoundTrips = 10000;
constexpr std::chrono::seconds kReplyTimeout(10);

const Fingerprint& TestFingerprint() {
  static const Fingerprint* const fingerprint =
      new Fingerprint{.identity = std::string(64, 'a'), .weights = std::string(64, 'b')};
  return *fingerprint;
}

// Taps two layers and has its tree ready.
class InstantDraftModel final : public DraftModel {
 public:
  InstantDraftModel() {
    for (int node = 0; node < kTreeNodes; ++node) {
      tree_.token_ids.push_back(1000 + node);
      tree_.parents.push_back(node / 2);  // two children each, root 0 first
      tree_.path_probabilities.push_back(1.0f / static_cast<float>(node + 2));
      tree_.sources.push_back(CandidateSource::kNetwork);
    }
  }

  const DraftModelInfo& info() const override { return info_; }

  std::unique_ptr<DraftState> NewState(int32_t, const SamplingParams&) override {
    return std::make_unique<DraftState>();
  }

  absl::StatusOr<std::vector<ProposedTree>> Draft(std::span<const DraftInput> inputs) override {
    for (const DraftInput& input : inputs) {
      CHIMERA_CHECK(!input.hidden_states.empty()) << "hidden states did not arrive";
    }
    return std::vector<ProposedTree>(inputs.size(), tree_);
  }

 private:
  const DraftModelInfo info_ = {.name = "instant",
                                .tapped_layers = {kLayers / 2, kLayers},
                                .context_window = 1024,
                                .max_nodes = kTreeNodes};
  ProposedTree tree_;
};

// A drafter in a process of its own, which ends with the object or the parent.
class DrafterProcess {
 public:
  // REQUIRES: this process has neither used gRPC nor started a thread yet, since it forks.
  explicit DrafterProcess(const std::string& listen_address) {
    int ready[2];
    CHIMERA_CHECK(pipe(ready) == 0) << "no pipe";
    pid_ = fork();
    CHIMERA_CHECK(pid_ >= 0) << "no process";
    if (pid_ == 0) Serve(listen_address, ready[1]);
    close(ready[1]);
    char text[256] = {};
    CHIMERA_CHECK(read(ready[0], text, sizeof(text) - 1) > 0) << "the drafter did not start";
    close(ready[0]);
    const absl::StatusOr<Address> address = ParseDialAddress(text);
    CHIMERA_CHECK(address.ok()) << address.status();
    address_ = *address;
  }
  ~DrafterProcess() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  DrafterProcess(const DrafterProcess&) = delete;
  DrafterProcess& operator=(const DrafterProcess&) = delete;

  const Address& address() const { return address_; }

 private:
  // Tells the address through the pipe, since the kernel chooses the port.
  [[noreturn]] static void Serve(const std::string& listen_address, int ready) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    DrafterConfig config;
    config.server.listen_addresses = {ParseListenAddress(listen_address).value()};
    const TargetInfo target = {.fingerprint = TestFingerprint(),
                               .hidden_size = kHiddenSize,
                               .layer_count = kLayers,
                               .vocab_size = kVocabSize,
                               .context_length = kContextLength};
    const auto server = DrafterServer::Start(config, target, std::make_unique<InstantDraftModel>());
    CHIMERA_CHECK(server.ok()) << server.status();
    const std::string address = (*server)->addresses().front().ToString();
    CHIMERA_CHECK(write(ready, address.data(), address.size()) > 0) << "the parent is gone";
    close(ready);
    for (;;) pause();
  }

  pid_t pid_ = 0;
  Address address_;
};

// The verifier's end, with one sequence that goes on for ever.
class Verifier {
 public:
  explicit Verifier(const Address& drafter)
      : link_(
            {.address = drafter.ToString(),
             .target = {.fingerprint = TestFingerprint(),
                        .hidden_size = kHiddenSize,
                        .layer_count = kLayers,
                        .vocab_size = kVocabSize}},
            [drafter] { return CreateChannel(drafter); }, metrics_.links[0]) {
    CHIMERA_CHECK(testing::Eventually([this] { return link_.Session().has_value(); }))
        << link_.Status().detail;
    session_id_ = link_.Session()->id;
  }

  // One step as the engine takes it: sends the news, waits for the tree. Returns microseconds.
  double RoundTrip() {
    const auto start = std::chrono::steady_clock::now();
    const DraftUpdate update = {
        .sequence_id = 1,
        .epoch = 1,
        .start_position = position_,
        .token_ids = tokens_,
        .hidden_start_position = std::max(position_ - 1, 0),
        .hidden_states = hidden_states_,
        .sampling = position_ == 0 ? std::optional(SamplingParams()) : std::nullopt,
        .node_budget = kTreeNodes,
        .max_depth = kTreeDepth};
    const SendResult sent = link_.Send(session_id_, {&update, 1}, kPrices);
    const std::optional<std::vector<Draft>> drafts =
        link_.WaitReply(sent.step, start + kReplyTimeout);
    const auto end = std::chrono::steady_clock::now();
    CHIMERA_CHECK(drafts.has_value() && drafts->front().token_ids.size() == kTreeNodes)
        << "no draft: " << link_.Status().detail;
    // The first update has a row less, as the newest token has no hidden state yet.
    hidden_states_.resize(kTokensPerStep * kRowElements, kBf16One);
    position_ += kTokensPerStep;
    return std::chrono::duration<double, std::micro>(end - start).count();
  }

 private:
  static constexpr size_t kRowElements = size_t{2} * kHiddenSize;  // two layers are tapped
  static constexpr uint16_t kBf16One = 0x3f80;

  int32_t position_ = 0;
  int64_t session_id_ = 0;
  const std::vector<int32_t> tokens_ = {17, 4711, 815};
  std::vector<uint16_t> hidden_states_ =
      std::vector<uint16_t>((kTokensPerStep - 1) * kRowElements, kBf16One);
  prometheus::Registry registry_;
  VerifierMetrics metrics_{&registry_, {.drafters = {"drafter"}}};
  DrafterLink link_;
};

// Microseconds below which the fraction `rank` of `sorted` lies.
double Percentile(const std::vector<double>& sorted, double rank) {
  return sorted[static_cast<size_t>(rank * static_cast<double>(sorted.size() - 1))];
}

std::string Report(const std::string& name, std::vector<double> times) {
  std::ranges::sort(times);
  const double p50 = Percentile(times, 0.5), p90 = Percentile(times, 0.9);
  const double p99 = Percentile(times, 0.99), max = times.back();
  std::printf("%-12s %8.1f %8.1f %8.1f %8.1f\n", name.c_str(), p50, p90, p99, max);
  char json[256];
  std::snprintf(json, sizeof(json),
                "\"%s\": {\"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}",
                name.c_str(), p50, p90, p99, max);
  return json;
}

int Run(int round_trips) {
  const testing::TempDirectory directory;
  const DrafterProcess unix_drafter("unix:" + directory.path() + "/drafter.sock");
  const DrafterProcess tcp_drafter("127.0.0.1:0");
  Verifier unix_verifier(unix_drafter.address());
  Verifier tcp_verifier(tcp_drafter.address());

  std::vector<double> unix_times, tcp_times;
  for (int trip = 0; trip < kWarmUps; ++trip) unix_verifier.RoundTrip(), tcp_verifier.RoundTrip();
  for (int block = 0; block < kBlocks; ++block) {
    for (int i = 0; i < round_trips / kBlocks; ++i) unix_times.push_back(unix_verifier.RoundTrip());
    for (int i = 0; i < round_trips / kBlocks; ++i) tcp_times.push_back(tcp_verifier.RoundTrip());
  }

  std::printf("%zu round trips per transport, microseconds\n", unix_times.size());
  std::printf("%-12s %8s %8s %8s %8s\n", "transport", "p50", "p90", "p99", "max");
  const std::string unix_json = Report("unix", std::move(unix_times));
  const std::string tcp_json = Report("tcp", std::move(tcp_times));
  std::printf("{%s, %s}\n", unix_json.c_str(), tcp_json.c_str());
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace chimera

int main(int argc, char** argv) {
  const int round_trips = argc > 1 ? std::atoi(argv[1]) : chimera::kDefaultRoundTrips;
  if (argc > 2 || round_trips < chimera::kBlocks) {
    std::fprintf(stderr, "usage: link_benchmark [round trips per transport, at least %d]\n",
                 chimera::kBlocks);
    return 2;
  }
  CHIMERA_CHECK(chimera::InitLogging("link_benchmark", "warning").ok()) << "no such level";
  return chimera::Run(round_trips);
}
