#include "tools/chimera/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>
#include <vector>

#include "absl/flags/reflection.h"
#include "tests/testing/status_matchers.h"
#include "tools/chimera/usage.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FlagsTest : public ::testing::Test {
 protected:
  FlagsTest() {
    unsetenv("CHIMERA_SERVER");
    unsetenv("CHIMERA_MODEL");
  }

  // Parses as a fresh process would.
  template <typename Config = HelpConfig>
  absl::StatusOr<Config> Parse(const std::vector<std::string>& arguments) {
    const absl::FlagSaver saver;
    const absl::StatusOr<CommandConfig> config = ParseCommand(arguments);
    if (!config.ok()) return config.status();
    return std::get<Config>(*config);
  }

  // "server name" of each mode.
  static std::vector<std::string> ModesOf(const BenchConfig& config) {
    std::vector<std::string> modes;
    for (const BenchMode& mode : config.modes) {
      modes.push_back(std::to_string(mode.server) + " " + mode.name);
    }
    return modes;
  }

  void ExpectUsageError(const std::vector<std::string>& arguments, const std::string& message) {
    EXPECT_THAT(Parse(arguments), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)))
        << ::testing::PrintToString(arguments);
  }
};

TEST_F(FlagsTest, GenerateHasDefaults) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto config, Parse<GenerateConfig>({"generate"}));
  EXPECT_EQ(std::get<Address>(config.server).ToString(), "127.0.0.1:50051");
  EXPECT_EQ(config.prompt, std::nullopt);
  EXPECT_EQ(config.form, PromptForm::kChat);
  EXPECT_EQ(config.output, ReplyOutput::kText);
  EXPECT_EQ(config.speculation, v1::SPECULATION_MODE_AUTO);
  EXPECT_EQ(config.request.sampling.temperature(), 0);
  EXPECT_FALSE(config.request.sampling.has_seed());
  EXPECT_EQ(config.request.stop.max_tokens(), 1024);
}

TEST_F(FlagsTest, GenerateTakesItsFlagsInEveryForm) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto config,
                               Parse<GenerateConfig>({"generate",
                                                      "--prompt",
                                                      "a=b",
                                                      "--server=unix:/tmp/s",
                                                      "--max-tokens",
                                                      "0",
                                                      "--top_p=0.5",
                                                      "--temperature",
                                                      "0.7",
                                                      "--top-k=40",
                                                      "--min-p",
                                                      "0.05",
                                                      "--seed=18446744073709551615",
                                                      "--speculation",
                                                      "off",
                                                      "--ids",
                                                      "--text",
                                                      "--stop",
                                                      "a,b",
                                                      "--stop=\n\n",
                                                      "--system",
                                                      "s"}));
  EXPECT_EQ(config.prompt, "a=b");
  EXPECT_EQ(std::get<Address>(config.server).ToString(), "unix:/tmp/s");
  EXPECT_FALSE(config.request.stop.has_max_tokens());
  EXPECT_THAT(config.request.stop.stop_strings(), ElementsAre("a,b", "\n\n"));
  EXPECT_EQ(config.request.sampling.top_p(), 0.5f);
  EXPECT_EQ(config.request.sampling.temperature(), 0.7f);
  EXPECT_EQ(config.request.sampling.top_k(), 40);
  EXPECT_EQ(config.request.sampling.min_p(), 0.05f);
  EXPECT_EQ(config.request.sampling.seed(), UINT64_MAX);
  EXPECT_EQ(config.speculation, v1::SPECULATION_MODE_OFF);
  EXPECT_EQ(config.output, ReplyOutput::kTextAndIds);
  EXPECT_EQ(config.system, "s");
}

TEST_F(FlagsTest, TheEnvironmentNamesTheServer) {
  setenv("CHIMERA_SERVER", "host:1234", /*overwrite=*/1);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto from_environment, Parse<InspectConfig>({"inspect"}));
  EXPECT_EQ(from_environment.address.ToString(), "host:1234");
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto from_flag,
                               Parse<InspectConfig>({"inspect", "--server=[::1]:5", "--json"}));
  EXPECT_EQ(from_flag.address.ToString(), "[::1]:5");
  EXPECT_EQ(from_flag.format, FactsFormat::kJson);
}

TEST_F(FlagsTest, LocalFindsModelAndBinaries) {
  setenv("XDG_CACHE_HOME", "/cache", /*overwrite=*/1);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto by_default, Parse<ChatConfig>({"chat", "--local"}));
  const auto& local = std::get<LocalNodeConfig>(by_default.server);
  EXPECT_EQ(local.model_path, "/cache/chimera/SmolLM2-135M-Instruct.Q4_1.gguf");
  EXPECT_THAT(local.binary_directory, HasSubstr("/bin"));
  setenv("CHIMERA_MODEL", "/env.gguf", /*overwrite=*/1);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto by_environment, Parse<ChatConfig>({"chat", "--local"}));
  EXPECT_EQ(std::get<LocalNodeConfig>(by_environment.server).model_path, "/env.gguf");
  CHIMERA_ASSERT_OK_AND_ASSIGN(
      const auto by_flag, Parse<ChatConfig>({"chat", "--local", "--model", "m.gguf", "--threads",
                                             "2", "--draft-model", "ngram"}));
  EXPECT_EQ(std::get<LocalNodeConfig>(by_flag.server).draft_model, "ngram");
  EXPECT_EQ(std::get<LocalNodeConfig>(by_flag.server).metrics_listen, "");
  EXPECT_EQ(std::get<LocalNodeConfig>(by_flag.server).model_path, "m.gguf");
  EXPECT_EQ(std::get<LocalNodeConfig>(by_flag.server).threads, 2);
}

TEST_F(FlagsTest, BenchTakesItsFlags) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(
      const auto config,
      Parse<BenchConfig>({"bench", "--server", "unix:/s", "--prompts", "p.jsonl", "--modes",
                          "auto,off", "--max-tokens", "64", "--temperature", "1", "--seed", "7",
                          "--concurrency", "4", "--limit", "40", "--output", "o.jsonl"}));
  EXPECT_EQ(config.prompts_path, "p.jsonl");
  EXPECT_THAT(ModesOf(config), ElementsAre("0 auto", "0 off"));
  EXPECT_EQ(config.modes[0].speculation, v1::SPECULATION_MODE_AUTO);
  EXPECT_EQ(config.modes[1].speculation, v1::SPECULATION_MODE_OFF);
  EXPECT_EQ(std::get<Address>(config.servers[0]).ToString(), "unix:/s");
  EXPECT_EQ(config.concurrency, 4);
  EXPECT_EQ(config.rounds, 1);
  EXPECT_EQ(config.block_size, 0);
  EXPECT_EQ(config.format, BenchFormat::kJson);
  EXPECT_EQ(config.limit, 40);
  EXPECT_EQ(config.output_path, "o.jsonl");
}

TEST_F(FlagsTest, BenchComparesDraftModels) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(
      const auto config,
      Parse<BenchConfig>({"bench", "--prompts=p", "--local", "--draft-model=ngram,a.safetensors",
                          "--rounds=6", "--block-size", "64", "--markdown"}));
  EXPECT_THAT(ModesOf(config), ElementsAre("0 off", "0 auto:ngram", "1 auto:a.safetensors"));
  ASSERT_EQ(config.servers.size(), 2);
  const auto& local = std::get<LocalNodeConfig>(config.servers[1]);
  EXPECT_EQ(local.draft_model, "a.safetensors");
  EXPECT_EQ(local.metrics_listen, "127.0.0.1:0");
  EXPECT_EQ(config.rounds, 6);
  EXPECT_EQ(config.block_size, 64);
  EXPECT_EQ(config.format, BenchFormat::kMarkdown);
}

TEST_F(FlagsTest, RefusesWrongUsage) {
  ExpectUsageError({}, "no command given");
  ExpectUsageError({"frobnicate"}, "unknown command \"frobnicate\"");
  ExpectUsageError({"generate", "hello"}, "unexpected argument \"hello\"");
  ExpectUsageError({"generate", "--nonsense=1"}, "chimera generate has no flag --nonsense=1");
  ExpectUsageError({"chat", "--concurrency", "2"}, "chimera chat has no flag --concurrency");
  ExpectUsageError({"inspect", "--local"}, "chimera inspect has no flag --local");
  ExpectUsageError({"generate", "--seed"}, "--seed needs a value");
  ExpectUsageError({"generate", "--seed=-1"}, "--seed cannot be \"-1\"");
  ExpectUsageError({"generate", "--max-tokens=many"}, "--max-tokens cannot be \"many\"");
  ExpectUsageError({"generate", "--raw", "--system=s"}, "--raw and --system exclude");
  ExpectUsageError({"bench"}, "needs --prompts");
}

TEST_F(FlagsTest, RefusesValuesOutOfRange) {
  ExpectUsageError({"generate", "--temperature=nan"}, "--temperature is nan, must be in [0, 100]");
  ExpectUsageError({"generate", "--temperature=-1"}, "must be in [0, 100]");
  ExpectUsageError({"generate", "--temperature=inf"}, "must be in [0, 100]");
  ExpectUsageError({"generate", "--top-p=0"}, "--top-p is 0, must be in (0, 1]");
  ExpectUsageError({"generate", "--top-p=1.5"}, "must be in (0, 1]");
  ExpectUsageError({"generate", "--min-p=2"}, "--min-p is 2, must be in [0, 1]");
  ExpectUsageError({"generate", "--top-k=-1"}, "--top-k must not be negative");
  ExpectUsageError({"generate", "--max-tokens=-1"}, "--max-tokens must not be negative");
  ExpectUsageError({"generate", "--stop="}, "--stop must have 1 to 256 bytes");
  ExpectUsageError({"generate", "--stop", std::string(257, 'a')}, "--stop must have 1 to 256");
  std::vector<std::string> stops = {"generate"};
  for (int i = 0; i < 17; ++i) stops.push_back("--stop=a");
  ExpectUsageError(stops, "--stop may be given 16 times at most");
  ExpectUsageError({"generate", "--speculation=fast"}, "unknown mode \"fast\"");
  const auto expect_bench_error = [&](const char* flag, const char* message) {
    ExpectUsageError({"bench", "--prompts=p", flag}, message);
  };
  expect_bench_error("--modes=off,on", "unknown mode \"on\"");
  expect_bench_error("--modes=", "unknown mode \"\"");
  expect_bench_error("--modes=off,off", "--modes and --draft-model name off twice");
  expect_bench_error("--rounds=0", "--rounds is 0, must be in [1, 1000]");
  expect_bench_error("--block-size=-1", "--block-size is -1, must be in [0, 1048576]");
  expect_bench_error("--draft-model=a", "--draft-model needs --local");
  ExpectUsageError({"bench", "--prompts=p", "--local", "--metrics=h:1"}, "--metrics and --local");
  ExpectUsageError({"bench", "--prompts=p", "--local", "--draft-model=a,a"},
                   "--modes and --draft-model name auto:a twice");
  expect_bench_error("--concurrency=0", "--concurrency is 0, must be in [1, 1024]");
  expect_bench_error("--limit=-1", "--limit must not be negative");
}

TEST_F(FlagsTest, RefusesServersThatMakeNoSense) {
  for (const char* address :
       {"nowhere", ":1", "host:", "host:0", "host:65536", "unix:", "unix:s"}) {
    ExpectUsageError({"inspect", "--server", address}, "--server: address \"");
  }
  ExpectUsageError({"chat", "--local", "--server=unix:/s"}, "--server and --local exclude");
  ExpectUsageError({"chat", "--model=m"}, "--model needs --local");
  ExpectUsageError({"chat", "--threads=2"}, "--threads needs --local");
  ExpectUsageError({"chat", "--local", "--threads=-2"}, "--threads must not be negative");
}

TEST_F(FlagsTest, HelpDescribesEveryCommandAndFlag) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const HelpConfig program, Parse({"--help"}));
  CHIMERA_ASSERT_OK_AND_ASSIGN(const HelpConfig version, Parse({"--version"}));
  EXPECT_THAT(version.text, HasSubstr("chimera 0."));
  for (const CommandUsage& command : Commands()) {
    EXPECT_THAT(program.text, HasSubstr(command.name));
    CHIMERA_ASSERT_OK_AND_ASSIGN(const HelpConfig help, Parse({command.name, "--help"}));
    EXPECT_THAT(help.text, HasSubstr("--server"));
  }
}

}  // namespace
}  // namespace chimera
