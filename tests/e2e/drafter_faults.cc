#include "tests/e2e/drafter_faults.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/e2e/hostile_drafter.h"
#include "tests/testing/delay_proxy.h"
#include "tests/testing/eventually.h"
#include "tests/testing/process_stats.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

milliseconds Since(steady_clock::time_point start) {
  return duration_cast<milliseconds>(steady_clock::now() - start);
}

// Of this process, which is the verifier, its clients and its hostile drafter.
int64_t ResidentBytes() {
  const absl::StatusOr<ProcessStats> stats = ReadProcessStats(getpid());
  CHIMERA_EXPECT_OK(stats.status());
  return stats.ok() ? stats->resident_bytes : 0;
}

}  // namespace

ClientLoad::ClientLoad(int streams, const std::function<void(int stream)>& ask) {
  for (int i = 0; i < streams; ++i) {
    clients_.emplace_back([this, ask, i] {
      while (!stop_) {
        ask(i);
        ++answered_;
      }
    });
  }
}

ClientLoad::~ClientLoad() {
  stop_ = true;
  for (std::thread& client : clients_) client.join();
}

void DrafterFaults::MakeGolden(const FaultLoad& load) {
  load_ = load;
  OpenModel(load.model_path);
  for (int i = 0; i < load.streams; ++i) {
    v1::GenerateRequest request;
    // Goes on as it began, so that the n-gram drafter has something to find.
    const std::string refrain = absl::StrCat("one two three ", i, " ");
    request.set_text(absl::StrCat("Again and again: ", refrain, refrain, "one two three"));
    request.mutable_sampling()->set_temperature(i % 2 == 0 ? 0.0f : 0.5f);
    request.mutable_sampling()->set_seed(static_cast<uint64_t>(i));
    request.mutable_stop()->set_max_tokens(load.max_tokens);
    request.mutable_stop()->set_ignore_eos(true);
    requests_.push_back(request);
  }
  StartVerifier(MakeConfig(Drafters::kNone));
  golden_ = GenerateAll(requests_, 1);
  for (const ClientReply& reply : golden_) ASSERT_TRUE(reply.status.ok());
}

VerifierConfig DrafterFaults::MakeConfig(Drafters drafters) const {
  VerifierConfig config = MakeVerifierConfig(drafters);
  config.engine.max_running_requests = load_.streams;
  config.kv_page_count = load_.streams * (load_.max_tokens / kPagePositions + 32);
  return config;
}

std::vector<ClientReply> DrafterFaults::ExpectGolden() {
  std::vector<ClientReply> replies = GenerateAll(requests_, load_.streams);
  for (size_t i = 0; i < replies.size(); ++i) {
    EXPECT_EQ(Answer(replies[i]), Answer(golden_[i])) << "request " << i;
  }
  return replies;
}

std::unique_ptr<ChildProcess> DrafterFaults::StartDrafterProcess() const {
  return std::make_unique<ChildProcess>(
      CHIMERA_DRAFTER_BINARY,
      std::vector<std::string>{"--model", load_.model_path, "--listen", DrafterAddress().ToString(),
                               "--metrics_listen=", "--shutdown_timeout=20s"});
}

bool DrafterFaults::Listens(const ChildProcess& process) {
  return Eventually([&] { return process.Output().find("listening") != std::string::npos; });
}

std::unique_ptr<ClientLoad> DrafterFaults::StartClients() {
  return std::make_unique<ClientLoad>(load_.streams, [this](int stream) {
    EXPECT_EQ(Answer(Generate(requests_[stream])), Answer(golden_[stream])) << "stream " << stream;
  });
}

bool DrafterFaults::DraftsUntil(int64_t drafts) {
  return Eventually([&] { return UsedDrafts() > drafts; });
}

milliseconds DrafterFaults::KillDrafter(int kills) {
  VerifierConfig config = MakeConfig(Drafters::kOne);
  config.engine.draft = {};
  StartVerifier(config);
  const std::unique_ptr<ClientLoad> clients = StartClients();
  milliseconds slowest{0};
  int lives = 0;
  std::mt19937 random(20);
  for (int kill = 0; kill <= kills && !::testing::Test::HasFailure(); ++kill) {
    const std::unique_ptr<ChildProcess> drafter = StartDrafterProcess();
    // One in eight dies while it starts, one while it shakes hands; the last one lives.
    const uint32_t fate = kill == kills ? 7 : random() % 8;
    if (fate > 0) {
      EXPECT_TRUE(Listens(*drafter)) << drafter->Errors();
    }
    if (fate > 1) {
      const steady_clock::time_point listens = steady_clock::now();
      const int64_t used = UsedDrafts();
      EXPECT_TRUE(DraftsUntil(used)) << "drafting did not resume";
      slowest = std::max(slowest, Since(listens));
      ++lives;
      // Moments are counted in drafts, not in seconds: a slow machine tests the same.
      EXPECT_TRUE(DraftsUntil(used + random() % 60)) << "drafting ceased";
    }
    drafter->Kill();
    drafter->Wait();
  }
  EXPECT_GE(ServerInfo().drafters(0).connects(), lives);
  EXPECT_GE(clients->answered(), load_.streams);
  std::cout << kills << " kills, " << clients->answered() << " replies; drafting again at most "
            << slowest.count() << " ms after the drafter listens" << std::endl;
  return slowest;
}

milliseconds DrafterFaults::PauseDrafter(int pauses, milliseconds duration) {
  VerifierConfig config = MakeConfig(Drafters::kOne);
  config.engine.draft = {};
  StartVerifier(config);
  const std::unique_ptr<ChildProcess> drafter = StartDrafterProcess();
  EXPECT_TRUE(DrafterIsReady()) << drafter->Errors();
  const std::unique_ptr<ClientLoad> clients = StartClients();
  milliseconds slowest{0};
  for (int i = 0; i < pauses; ++i) {
    EXPECT_TRUE(DraftsUntil(UsedDrafts())) << "drafting ceased";
    drafter->Pause();
    const steady_clock::time_point paused = steady_clock::now();
    const int64_t answered = clients->answered();
    EXPECT_TRUE(Eventually([&] {
      return Since(paused) >= duration && clients->answered() >= answered + load_.streams &&
             ServerInfo().drafters(0).state() != v1::DRAFTER_STATE_READY;
    })) << clients->answered() - answered
        << " replies while the drafter stood still";
    drafter->Resume();
    const steady_clock::time_point resumed = steady_clock::now();
    EXPECT_TRUE(DraftsUntil(UsedDrafts())) << "drafting did not resume";
    slowest = std::max(slowest, Since(resumed));
  }
  std::cout << pauses << " pauses, " << clients->answered() << " replies; drafting again at most "
            << slowest.count() << " ms after SIGCONT" << std::endl;
  return slowest;
}

milliseconds DrafterFaults::TimeReplies() {
  milliseconds fastest = milliseconds::max();
  for (int i = 0; i < 3; ++i) {
    const steady_clock::time_point start = steady_clock::now();
    ExpectGolden();
    fastest = std::min(fastest, Since(start));
  }
  return fastest;
}

double DrafterFaults::DelayLink(milliseconds delay) {
  StartVerifier(MakeConfig(Drafters::kNone));
  const milliseconds plain = TimeReplies();

  StartDrafter(nullptr);
  const DelayProxy proxy({.unix_path = directory_.path() + "/slow.sock"}, DrafterAddress(), delay);
  VerifierConfig config = MakeConfig(Drafters::kOne);
  config.drafter_addresses = {proxy.address()};
  config.engine.draft = {};
  EXPECT_LT(config.engine.draft.deadline, delay);
  StartVerifier(config);
  EXPECT_TRUE(DrafterIsReady());
  const milliseconds impatient = TimeReplies();
  // Known once the link has brought them, or was given up.
  EXPECT_TRUE(Eventually([&] { return ServerInfo().drafters(0).drafts_discarded() > 0; }));
  EXPECT_EQ(UsedDrafts(), 0);

  config.engine.draft.deadline = config.engine.draft.answer_timeout = std::chrono::seconds(20);
  StartVerifier(config);
  EXPECT_TRUE(DrafterIsReady());
  const steady_clock::time_point start = steady_clock::now();
  ExpectGolden();
  EXPECT_GT(UsedDrafts(), 0);
  EXPECT_EQ(ServerInfo().drafters(0).drafts_discarded(), 0);
  std::cout << "link " << delay.count() << " ms late: all replies took " << impatient.count()
            << " ms without waiting for it, " << Since(start).count() << " ms waiting for every "
            << "draft, " << plain.count() << " ms without a drafter" << std::endl;
  return static_cast<double>(impatient.count()) / static_cast<double>(plain.count());
}

int64_t DrafterFaults::SendHostileDrafts(int64_t drafts) {
  StartVerifier(MakeConfig(Drafters::kOne));
  const HostileDrafter drafter(DrafterAddress(), *model_, /*seed=*/5);
  const std::unique_ptr<ClientLoad> clients = StartClients();
  const steady_clock::time_point start = steady_clock::now();
  int64_t bytes = 0;
  // In parts, so that a slow machine has time for all, and none may come to a stop.
  const int64_t part = drafts / 1000;
  for (int64_t goal = part; goal <= drafts; goal += part) {
    EXPECT_TRUE(Eventually([&] { return drafter.drafts() >= goal; })) << drafter.drafts();
    if (goal == drafts / 10) bytes = ResidentBytes();
  }
  const int64_t growth = ResidentBytes() - bytes;
  const v1::DrafterInfo info = ServerInfo().drafters(0);
  // It sends valid drafts among the others, so that the others find sequences that draft.
  EXPECT_GT(info.drafts_used(), drafts / 20);
  EXPECT_GT(info.drafts_discarded(), drafts / 4);
  EXPECT_GT(drafter.violations(), 0);
  EXPECT_GE(info.connects(), drafter.violations());
  std::cout << drafter.drafts() << " drafts in " << Since(start).count() << " ms, "
            << info.drafts_used() << " used, " << info.drafts_discarded() << " discarded; "
            << drafter.violations() << " streams ended by violations; " << clients->answered()
            << " replies; memory " << bytes / 1024 << " KiB, grown by " << growth / 1024 << " KiB"
            << std::endl;
  return growth;
}

}  // namespace chimera::testing
