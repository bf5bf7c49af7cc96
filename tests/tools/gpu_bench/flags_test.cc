#include "tools/gpu_bench/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/flags/reflection.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Parses as a fresh process would.
absl::StatusOr<GpuBenchConfig> Parse(const std::vector<std::string>& arguments) {
  const absl::FlagSaver saver;
  return ParseGpuBenchFlags(arguments);
}

void ExpectUsageError(const std::vector<std::string>& arguments, const std::string& message) {
  EXPECT_THAT(Parse(arguments), StatusIs(absl::StatusCode::kInvalidArgument, message))
      << ::testing::PrintToString(arguments);
}

std::vector<std::string> Names(const std::vector<ModelShape>& shapes) {
  std::vector<std::string> names;
  names.reserve(shapes.size());
  for (const ModelShape& shape : shapes) names.push_back(shape.name);
  return names;
}

TEST(GpuBenchFlagsTest, HasDefaults) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const GpuBenchConfig config, Parse({}));
  EXPECT_EQ(config.device, 0);
  const GpuBenchSections& sections = config.sections;
  EXPECT_TRUE(sections.copy && sections.launch && sections.gemm && sections.attention &&
              sections.step && sections.decode && sections.draft);
  EXPECT_THAT(Names(config.models), ElementsAre("llama-2-7b", "llama-2-13b"));
  EXPECT_EQ(config.repetitions, 15);
  EXPECT_EQ(config.launches, 128);
  EXPECT_THAT(config.rows, ElementsAre(1, 8, 16, 32, 64, 512, 2048));
  EXPECT_THAT(config.contexts, ElementsAre(512, 2048, 8192));
  EXPECT_EQ(config.numerics, Numerics::kStrict);
  EXPECT_EQ(config.context, 512);
  EXPECT_EQ(config.prefill, 2048);
  EXPECT_EQ(config.tokens, 256);
  EXPECT_THAT(config.acceptance, ElementsAre(0.7, 0.8));
  EXPECT_EQ(config.json_path, "");
}

TEST(GpuBenchFlagsTest, TakesFlagsInEveryForm) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(
      const GpuBenchConfig config,
      Parse({"--device=3", "--sections", "gemm,step", "--models=smollm2-135m", "--repetitions=2",
             "--launches=7", "--rows=5", "--contexts=40,8", "--context=17", "--numerics=pinned",
             "--prefill=9", "--tokens=11", "--acceptance=0", "--json", "a=b"}));
  EXPECT_EQ(config.device, 3);
  EXPECT_TRUE(config.sections.gemm && config.sections.step);
  EXPECT_FALSE(config.sections.copy || config.sections.launch || config.sections.attention ||
               config.sections.decode || config.sections.draft);
  EXPECT_THAT(Names(config.models), ElementsAre("smollm2-135m"));
  EXPECT_EQ(config.models[0].config.hidden_size, 576);
  EXPECT_EQ(config.repetitions, 2);
  EXPECT_EQ(config.launches, 7);
  EXPECT_THAT(config.rows, ElementsAre(5));
  EXPECT_THAT(config.contexts, ElementsAre(40, 8));
  EXPECT_EQ(config.numerics, Numerics::kPinned);
  EXPECT_EQ(config.context, 17);
  EXPECT_EQ(config.prefill, 9);
  EXPECT_EQ(config.tokens, 11);
  EXPECT_THAT(config.acceptance, ElementsAre(0.0));
  EXPECT_EQ(config.json_path, "a=b");
}

TEST(GpuBenchFlagsTest, ErrorsNameTheFlagAndItsLimits) {
  ExpectUsageError({"--device=-1"}, "--device is -1, must be in [0, 1023]");
  ExpectUsageError({"--repetitions=0"}, "--repetitions is 0, must be in [1, 10000]");
  ExpectUsageError({"--launches=1025"}, "--launches is 1025, must be in [1, 1024]");
  ExpectUsageError({"--rows=1,0"}, "--rows is 0, must be in [1, 16384]");
  ExpectUsageError({"--contexts=131073"}, "--contexts is 131073, must be in [1, 131072]");
  ExpectUsageError({"--context=0"}, "--context is 0, must be in [1, 131072]");
  ExpectUsageError({"--prefill=16385"}, "--prefill is 16385, must be in [1, 16384]");
  ExpectUsageError({"--tokens=0"}, "--tokens is 0, must be in [1, 131072]");
  ExpectUsageError({"--acceptance=0.5,1"}, "--acceptance is 1, must be in [0, 1)");
  ExpectUsageError({"--acceptance=nan"}, "--acceptance is nan, must be in [0, 1)");
}

TEST(GpuBenchFlagsTest, ErrorsNameWhatCannotBeRead) {
  ExpectUsageError({"--device=two"}, "--device cannot be \"two\"");
  ExpectUsageError({"--rows=1,,2"}, "--rows cannot be \"\"");
  ExpectUsageError({"--rows="}, "--rows names nothing");
  ExpectUsageError({"--numerics=loose"}, "numerics \"loose\", must be \"strict\" or \"pinned\"");
  ExpectUsageError({"--acceptance=often"}, "--acceptance cannot be \"often\"");
  ExpectUsageError({"--sections=gem"},
                   "--sections cannot be \"gem\", must be of copy, launch, gemm, attention, step, "
                   "decode, draft");
  ExpectUsageError({"--models=gpt"},
                   "--models cannot be \"gpt\", must be of llama-2-7b, llama-2-13b, llama-3-8b, "
                   "smollm2-135m, tiny");
  ExpectUsageError({"--context"}, "--context needs a value");
  ExpectUsageError({"--frobnicate=1"}, "there is no flag --frobnicate");
  // A flag of a library is none of this program's.
  ExpectUsageError({"--flagfile=x"}, "there is no flag --flagfile");
  ExpectUsageError({"llama"}, "unexpected argument \"llama\"");
}

TEST(GpuBenchFlagsTest, HelpDescribesEveryFlag) {
  for (const char* flag :
       {"--device", "--sections", "--models", "--repetitions", "--launches", "--rows", "--contexts",
        "--numerics", "--context", "--prefill", "--tokens", "--acceptance", "--json"}) {
    EXPECT_THAT(GpuBenchHelp(), HasSubstr(flag));
  }
}

}  // namespace
}  // namespace chimera
