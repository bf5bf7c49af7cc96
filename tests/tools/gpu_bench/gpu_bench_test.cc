// The program itself, on an emulated device and a tiny model: what it prints, and how it fails.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/testing/temp_directory.h"
#include "tests/tools/cpu_bench/bench_outcome.h"

namespace chimera {
namespace {

using ::chimera::testing::Column;
using ::chimera::testing::ExpectPositive;
using ::nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Outcome = testing::BenchOutcome;

Outcome RunBench(std::vector<std::string> arguments) {
  return testing::RunProgram(GPU_BENCH_BINARY, std::move(arguments));
}

// So little of everything that the emulator computes it in seconds.
Outcome RunTiny(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(),
                   {"--models=tiny", "--repetitions=1", "--launches=2", "--rows=1,9,70",
                    "--contexts=40", "--context=20", "--prefill=30", "--tokens=6"});
  return RunBench(std::move(arguments));
}

void ExpectTimes(const json& object) {
  ExpectPositive(object, {"median_ms", "lower_quartile_ms", "upper_quartile_ms"});
}

TEST(GpuBenchTest, JsonHasEveryFigure) {
  const Outcome outcome = RunTiny({"--json=-"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  const json result = json::parse(outcome.output);
  EXPECT_EQ(result.at("device").at("name"), "emulated device");
  ExpectTimes(result.at("read_bandwidth"));
  ExpectPositive(result.at("read_bandwidth"), {"bytes", "gb_per_s"});
  for (const char* copy : {"within_device", "to_device", "to_host"}) {
    ExpectPositive(result.at("copies").at(copy), {"median_ms", "bytes", "gb_per_s"});
  }
  ExpectTimes(result.at("launches").at("single"));
  ExpectTimes(result.at("launches").at("graph"));

  const json& model = result.at("models").at(0);
  EXPECT_EQ(model.at("model"), "tiny");
  EXPECT_THAT(Column(model.at("gemm"), "outputs"), ElementsAre(256, 128, 320, 128, 320));
  for (const json& gemm : model.at("gemm")) {
    EXPECT_THAT(Column(gemm.at("times"), "rows"), ElementsAre(1, 9, 70));
    for (const json& times : gemm.at("times")) {
      for (const char* name : {"own", "blas"}) {
        ExpectTimes(times.at(name));
        ExpectPositive(times.at(name), {"gb_per_s", "bandwidth_share", "tflop_per_s"});
      }
      ExpectPositive(times, {"speed_ratio"});
    }
  }
  EXPECT_THAT(Column(model.at("attention"), "rows"), ElementsAre(1, 64));
  for (const json& time : model.at("attention")) {
    ExpectTimes(time);
    ExpectPositive(time, {"kv_bytes", "gb_per_s", "bandwidth_share"});
  }
  EXPECT_THAT(Column(model.at("step").at("steps"), "rows"), ElementsAre(1, 8, 16, 32, 64));
  for (const json& step : model.at("step").at("steps")) {
    ExpectTimes(step);
    ExpectPositive(step, {"gb_per_s", "bandwidth_share", "ratio_to_one_row"});
  }
  ExpectPositive(model.at("step").at("prefill"), {"tokens", "median_ms", "tokens_per_s"});
  ExpectPositive(model.at("decode").at("plain"), {"median_ms", "tokens_per_s", "bandwidth_share"});
  ASSERT_EQ(model.at("decode").at("trees").size(), 2u);
  for (const json& tree : model.at("decode").at("trees")) {
    ExpectPositive(tree, {"acceptance", "steps", "tokens_per_step", "tokens_per_s", "speed_up"});
    EXPECT_EQ(tree.at("is_identical"), true);
  }
  const json& draft = model.at("draft");
  ExpectPositive(draft, {"context", "level_weight_bytes"});
  ExpectTimes(draft.at("root"));
  EXPECT_THAT(Column(draft.at("levels"), "rows"), ElementsAre(1, 4, 8, 16, 32, 64));
  for (const json& level : draft.at("levels")) {
    ExpectTimes(level);
    ExpectPositive(level, {"gb_per_s", "bandwidth_share"});
  }
}

TEST(GpuBenchTest, WritesTablesAndAFile) {
  const testing::TempDirectory directory;
  const std::string path = directory.path() + "/result.json";
  const Outcome outcome =
      RunTiny({"--sections=copy,launch,gemm,attention,draft", "--rows=2", "--json=" + path});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  for (const char* text :
       {"read bandwidth", "copy to the host", "launch in a graph", "== tiny",
        "gate+up: 2 x [320, 128]", "attention of a layer", "drafting after 20 positions"}) {
    EXPECT_THAT(outcome.output, HasSubstr(text));
  }
  EXPECT_THAT(outcome.errors, HasSubstr("tiny: attention over 40 positions"));
  std::ifstream file(path);
  const json result = json::parse(file);
  EXPECT_EQ(result.at("models").at(0).at("gemm").size(), 5u);
  EXPECT_FALSE(result.at("models").at(0).contains("step"));
}

TEST(GpuBenchTest, StepsMayBePinned) {
  const Outcome outcome = RunTiny({"--sections=decode", "--numerics=pinned", "--json=-"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  const json model = json::parse(outcome.output).at("models").at(0);
  EXPECT_THAT(model.at("numerics_id").get<std::string>(), HasSubstr("pinned"));
  EXPECT_EQ(model.at("decode").at("trees").at(0).at("is_identical"), true);
}

TEST(GpuBenchTest, ModelsThatDoNotFitAreSkipped) {
  const Outcome large =
      RunBench({"--models=llama-2-7b", "--sections=step,decode", "--repetitions=1"});
  EXPECT_EQ(large.exit_code, 0) << large.errors;
  EXPECT_THAT(large.output, HasSubstr("steps skipped: weights, keys and values take 13"));
  const Outcome longer = RunTiny({"--sections=step", "--context=250"});
  EXPECT_EQ(longer.exit_code, 0) << longer.errors;
  EXPECT_THAT(longer.output,
              HasSubstr("steps skipped: --prefill=30 --context=250 --tokens=6 need 314 positions, "
                        "the model has 256"));
}

TEST(GpuBenchTest, DraftersThatDoNotFitAreSkipped) {
  const Outcome outcome =
      RunBench({"--models=llama-2-13b", "--sections=draft", "--repetitions=1", "--context=16"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, HasSubstr("  skipped: weights take 1"));
}

TEST(GpuBenchTest, LayersThatDoNotFitAreSkipped) {
  const Outcome outcome = RunBench({"--models=llama-2-7b", "--sections=attention",
                                    "--repetitions=1", "--launches=1", "--contexts=131072"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, HasSubstr("skipped: out of CUDA device memory"));
}

TEST(GpuBenchTest, WrongUsageExitsWithTwo) {
  const Outcome outcome = RunBench({"--tokens=0"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.errors,
            "chimera-gpu-bench: --tokens is 0, must be in [1, 131072]\n"
            "Try \"chimera-gpu-bench --help\".\n");
  EXPECT_EQ(outcome.output, "");
}

TEST(GpuBenchTest, AMissingDeviceExitsWithOne) {
  const Outcome outcome = RunBench({"--device=5"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.errors,
            "chimera-gpu-bench: CUDA device number 5, must be in [0, 1): there is 1\n");
  EXPECT_EQ(outcome.output, "");
}

TEST(GpuBenchTest, AFileThatCannotBeWrittenIsAFailure) {
  const Outcome outcome = RunTiny({"--sections=launch", "--json=/nonexistent/a.json"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.errors, HasSubstr("--json=/nonexistent/a.json cannot be written"));
  EXPECT_THAT(outcome.output, HasSubstr("read bandwidth")) << "nothing else is lost";
}

TEST(GpuBenchTest, HelpExitsWithZero) {
  const Outcome outcome = RunBench({"--help"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.output, HasSubstr("usage: chimera-gpu-bench [flags]"));
}

}  // namespace
}  // namespace chimera
