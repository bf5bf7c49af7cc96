#include "tools/chimera/bench/bench.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "common/metrics/metrics_exposer.h"
#include "common/metrics/verifier_metrics.h"
#include "common/rpc/status_conversion.h"
#include "tests/testing/status_matchers.h"
#include "tests/tools/chimera/fake_server.h"
#include "tests/tools/chimera/test_files.h"
#include "tests/tools/chimera/test_terminal.h"
#include "tools/chimera/bench/progress_bar.h"
#include "tools/chimera/report.h"

namespace chimera {
namespace {

using ::chimera::testing::FakeCall;
using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;

std::vector<Json> ParseLines(const std::string& text) {
  std::vector<Json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(Json::parse(line));
  return lines;
}

class BenchTest : public ::testing::Test {
 protected:
  BenchTest() {
    config_.servers = {address_};
    config_.modes = {{"off", v1::SPECULATION_MODE_OFF}, {"auto", v1::SPECULATION_MODE_AUTO}};
    config_.output_path = files_.Path("out.jsonl");
    WritePrompts(21);
  }

  void WritePrompts(int count) {
    std::string lines;
    for (int i = 0; i < count; ++i) absl::StrAppend(&lines, "{\"prompt\": \"p", i, "\"}\n");
    config_.prompts_path = files_.Write("prompts.jsonl", lines);
  }

  absl::Status Run() { return RunBench(config_, terminal_.terminal(), &cancellation_); }

  testing::TestFiles files_;
  const Address address_{.unix_path = files_.Path("s")};
  Cancellation cancellation_;
  testing::TestTerminal terminal_{"", &cancellation_};
  testing::FakeGenerationService service_;
  testing::FakeServer server_{address_, &service_};
  BenchConfig config_;
};

TEST_F(BenchTest, RunsEveryPromptInEveryMode) {
  config_.concurrency = 4;
  CHIMERA_ASSERT_OK(Run());

  std::set<std::pair<int, std::string>> runs;
  for (const Json& line : ParseLines(files_.Read("out.jsonl"))) {
    EXPECT_EQ(line["text"], absl::StrCat("You said p", line["index"].get<int>()));
    EXPECT_EQ(line["token_ids"], Json({1, 2, 3}));
    runs.emplace(line["index"], line["mode"]);
  }
  EXPECT_EQ(runs.size(), 42u);

  const std::vector<Json> summary = ParseLines(terminal_.output());
  ASSERT_EQ(summary.size(), 2u);
  EXPECT_EQ(summary[0]["mode"], "off");
  EXPECT_EQ(summary[0]["prompts"], 21);
  EXPECT_EQ(summary[0]["tokens"], 63);
  EXPECT_EQ(summary[0]["tokens_per_step"], 1.0);
  EXPECT_EQ(summary[1]["mode"], "auto");
  EXPECT_EQ(summary[1]["tokens_per_step"], 2.0);
  EXPECT_EQ(summary[1]["draft_nodes_per_step"], 4.0);
  EXPECT_EQ(summary[1]["identical_to_first_mode"], true);
  EXPECT_GT(summary[1]["seconds"], 0);
  EXPECT_LE(service_.most_open_calls(), 4);
  EXPECT_EQ(terminal_.errors(), "");  // No progress bar where nobody watches.
}

TEST_F(BenchTest, AsksAllPromptsInEveryRound) {
  WritePrompts(4);
  config_.rounds = 6;
  config_.block_size = 4;
  CHIMERA_ASSERT_OK(Run());
  EXPECT_EQ(ParseLines(files_.Read("out.jsonl")).back()["index"], 23);
  const std::vector<Json> summary = ParseLines(terminal_.output());
  EXPECT_EQ(summary[1]["prompts"], 24);
  const Json& ratio = summary[1]["ratio_to_first_mode"];
  EXPECT_EQ(ratio["blocks"], 6);
  EXPECT_LE(ratio["low"], ratio["median"]);
  EXPECT_LE(ratio["median"], ratio["high"]);
  EXPECT_EQ(service_.requests().size(), 48u);
}

TEST_F(BenchTest, SplitsStepsByTheServersMetrics) {
  const auto registry = std::make_shared<prometheus::Registry>();
  const VerifierMetrics metrics(registry.get(), {});
  const auto& stages = metrics.steps.stage_duration;
  stages[StepStage::kVerify].Observe(7);  // before: not counted
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto exposer,
                               MetricsExposer::Start("127.0.0.1:0", {registry}));
  service_.SetScript([&](const FakeCall& call) {
    if (call.request.speculation().mode() == v1::SPECULATION_MODE_AUTO) {
      stages[StepStage::kDraft].Observe(3);
    }
    stages[StepStage::kVerify].Observe(2);
    return testing::SayThreeWords(call);
  });
  config_.metrics_address = exposer->address();
  WritePrompts(4);
  CHIMERA_ASSERT_OK(Run());
  const std::vector<Json> summary = ParseLines(terminal_.output());
  for (const Json& line : summary) {
    const Json& step = line["step"];
    EXPECT_EQ(step["steps"], 4);
    const double seconds = step["ms"].get<double>() * 4 / 1000;
    EXPECT_NEAR(step["verify"].get<double>() * seconds, 8, 0.05);
    EXPECT_NEAR(step["draft"].get<double>() * seconds, line["mode"] == "off" ? 0 : 12, 0.05);
    EXPECT_EQ(step["link"], 0);
  }
}

TEST_F(BenchTest, FailsWhereTheMetricsCannotBeRead) {
  config_.metrics_address = "127.0.0.1:1";
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("127.0.0.1:1")));
}

TEST_F(BenchTest, ComparesServers) {
  const Address other_address{.unix_path = files_.Path("t")};
  testing::FakeGenerationService other;
  const testing::FakeServer other_server(other_address, &other);
  config_.servers = {address_, other_address};
  config_.modes = {{"off", v1::SPECULATION_MODE_OFF, 0}, {"auto:x", v1::SPECULATION_MODE_AUTO, 1}};
  config_.format = BenchFormat::kMarkdown;
  WritePrompts(3);
  CHIMERA_ASSERT_OK(Run());
  EXPECT_EQ(service_.requests().size(), 3u);
  EXPECT_EQ(other.requests().size(), 3u);
  EXPECT_THAT(terminal_.output(), AllOf(HasSubstr("| off | "), HasSubstr("\n| auto:x | ")));
}

TEST_F(BenchTest, KeepsSoManyStreamsInFlight) {
  // The first four calls answer only when all four are there.
  Mutex mutex;
  CondVar arrived;
  int calls = 0;
  service_.SetScript([&](const FakeCall& call) {
    {
      const MutexLock lock(&mutex);
      ++calls;
      arrived.NotifyAll();
      while (calls < 4) arrived.Wait(&mutex);
    }
    return testing::SayThreeWords(call);
  });
  config_.concurrency = 4;
  WritePrompts(4);
  CHIMERA_ASSERT_OK(Run());
  EXPECT_EQ(service_.most_open_calls(), 4);
}

TEST_F(BenchTest, ModesOfAPromptShareTheSeedThatTheServerDrew) {
  uint64_t next_seed = 100;
  service_.SetScript([&](const FakeCall& call) {
    v1::GenerateRequest request = call.request;
    if (!request.sampling().has_seed()) request.mutable_sampling()->set_seed(next_seed++);
    return testing::SayThreeWords({request, call.context, call.writer});
  });
  WritePrompts(4);
  CHIMERA_ASSERT_OK(Run());
  EXPECT_EQ(next_seed, 104u);
  std::map<std::string, std::set<uint64_t>> seeds;
  for (const v1::GenerateRequest& request : service_.requests()) {
    if (!request.sampling().has_seed()) continue;
    seeds[request.messages().messages(0).content()].insert(request.sampling().seed());
  }
  EXPECT_EQ(seeds, (std::map<std::string, std::set<uint64_t>>{
                       {"p0", {100}}, {"p1", {101}}, {"p2", {102}}, {"p3", {103}}}));
}

TEST_F(BenchTest, EveryRequestCarriesTheGivenSeed) {
  config_.request.sampling.set_seed(5);
  CHIMERA_ASSERT_OK(Run());
  for (const v1::GenerateRequest& request : service_.requests()) {
    EXPECT_EQ(request.sampling().seed(), 5u);
    EXPECT_EQ(request.messages().messages_size(), 1);
  }
}

TEST_F(BenchTest, ReportsModesThatDiffer) {
  service_.SetScript([](const FakeCall& call) {
    if (call.request.speculation().mode() == v1::SPECULATION_MODE_AUTO &&
        call.request.messages().messages(0).content() == "p7") {
      call.SendChunk({9}, "?");
    }
    return testing::SayThreeWords(call);
  });
  CHIMERA_ASSERT_OK(Run());
  const std::vector<Json> summary = ParseLines(terminal_.output());
  EXPECT_EQ(summary[0]["identical_to_first_mode"], true);
  EXPECT_EQ(summary[1]["identical_to_first_mode"], false);
}

TEST_F(BenchTest, StopsAtTheFirstFailureAndNamesIt) {
  service_.SetScript([](const FakeCall& call) {
    if (call.request.messages().messages(0).content() != "p3") {
      return testing::SayThreeWords(call);
    }
    return ToGrpcStatus(ErrorWithReason(absl::StatusCode::kResourceExhausted,
                                        v1::ERROR_REASON_QUEUE_FULL, "", "the queue is full"),
                        call.context);
  });
  const absl::Status status = Run();
  EXPECT_EQ(DescribeError(status),
            "RESOURCE_EXHAUSTED: prompt 3, mode auto: the queue is full (QUEUE_FULL)");
  EXPECT_EQ(terminal_.output(), "");
  EXPECT_LT(service_.requests().size(), 10u);
}

TEST_F(BenchTest, AFailureEndsStreamsThatWouldGoOnForever) {
  config_.concurrency = 4;
  service_.SetScript([](const FakeCall& call) {
    if (call.request.messages().messages(0).content() == "p3") {
      return grpc::Status(grpc::StatusCode::INTERNAL, "broken");
    }
    while (call.SendChunk({1}, "a")) {
    }
    return grpc::Status::CANCELLED;
  });
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInternal, HasSubstr("broken")));
}

TEST_F(BenchTest, NamesTheFileThatCannotBeWritten) {
  config_.output_path = "/nowhere/out.jsonl";
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kUnavailable,
                              AllOf(HasSubstr("/nowhere/out.jsonl"), HasSubstr("No such file"))));
  EXPECT_TRUE(service_.requests().empty());
}

TEST(ProgressBarTest, ShowsShareAndCount) {
  EXPECT_EQ(FormatProgress(0, 8, "off"), "[........................................] 0/8 off");
  EXPECT_EQ(FormatProgress(2, 8, "auto"), "[##########..............................] 2/8 auto");
  EXPECT_EQ(FormatProgress(8, 8, "auto"), "[########################################] 8/8 auto");
}

}  // namespace
}  // namespace chimera
