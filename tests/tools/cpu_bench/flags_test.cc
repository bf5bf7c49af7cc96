#include "tools/cpu_bench/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>
#include <vector>

#include "absl/flags/reflection.h"
#include "tests/testing/status_matchers.h"
#include "tools/cpu_bench/bench_flags.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::HasSubstr;

// Parses as a fresh process would.
absl::StatusOr<CpuBenchConfig> Parse(const std::vector<std::string>& arguments) {
  const absl::FlagSaver saver;
  return ParseCpuBenchFlags(arguments);
}

void ExpectUsageError(const std::vector<std::string>& arguments, const std::string& message) {
  EXPECT_THAT(Parse(arguments), StatusIs(absl::StatusCode::kInvalidArgument, message))
      << ::testing::PrintToString(arguments);
}

TEST(CpuBenchFlagsTest, HasDefaults) {
  ASSERT_EQ(setenv("CHIMERA_MODEL", "/tmp/some.gguf", 1), 0);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const CpuBenchConfig config, Parse({}));
  EXPECT_EQ(config.model_path, "/tmp/some.gguf");
  EXPECT_GE(config.thread_count, 1);
  EXPECT_EQ(config.context, 256);
  EXPECT_EQ(config.repetitions, 15);
  EXPECT_EQ(config.format, ReportFormat::kTable);
}

TEST(CpuBenchFlagsTest, TakesFlagsInEveryForm) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(
      const CpuBenchConfig config,
      Parse({"--model", "a=b", "--threads=3", "--context=17", "--repetitions", "2", "--json"}));
  EXPECT_EQ(config.model_path, "a=b");
  EXPECT_EQ(config.thread_count, 3);
  EXPECT_EQ(config.context, 17);
  EXPECT_EQ(config.repetitions, 2);
  EXPECT_EQ(config.format, ReportFormat::kJson);
}

TEST(CpuBenchFlagsTest, TakesTheLimitsThemselves) {
  CHIMERA_EXPECT_OK(Parse({"--threads=256", "--context=131072", "--repetitions=10000"}));
  CHIMERA_EXPECT_OK(Parse({"--threads=0", "--context=1", "--repetitions=1"}));
}

TEST(CpuBenchFlagsTest, ErrorsNameTheFlagAndItsLimits) {
  ExpectUsageError({"--threads=-1"}, "--threads is -1, must be in [0, 256]");
  ExpectUsageError({"--threads=257"}, "--threads is 257, must be in [0, 256]");
  ExpectUsageError({"--context=0"}, "--context is 0, must be in [1, 131072]");
  ExpectUsageError({"--context", "131073"}, "--context is 131073, must be in [1, 131072]");
  ExpectUsageError({"--repetitions=0"}, "--repetitions is 0, must be in [1, 10000]");
  ExpectUsageError({"--repetitions=10001"}, "--repetitions is 10001, must be in [1, 10000]");
}

TEST(CpuBenchFlagsTest, ErrorsNameWhatCannotBeRead) {
  ExpectUsageError({"--threads=two"}, "--threads cannot be \"two\"");
  ExpectUsageError({"--json=perhaps"}, "--json cannot be \"perhaps\"");
  ExpectUsageError({"--context"}, "--context needs a value");
  ExpectUsageError({"--frobnicate=1"}, "there is no flag --frobnicate");
  // A flag of a library is none of this program's.
  ExpectUsageError({"--flagfile=x"}, "there is no flag --flagfile");
  ExpectUsageError({"model.gguf"}, "unexpected argument \"model.gguf\"");
}

TEST(CpuBenchFlagsTest, HelpDescribesEveryFlag) {
  EXPECT_TRUE(AsksForHelp(std::vector<std::string>{"--json", "--help"}));
  EXPECT_FALSE(AsksForHelp(std::vector<std::string>{"--json"}));
  for (const char* flag : {"--model", "--threads", "--context", "--repetitions", "--json"}) {
    EXPECT_THAT(CpuBenchHelp(), HasSubstr(flag));
  }
}

}  // namespace
}  // namespace chimera
