// The program itself, on a tiny model: what it prints, and how it fails.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_llama.h"
#include "tests/tools/cpu_bench/bench_outcome.h"

namespace chimera {
namespace {

using ::chimera::testing::Column;
using ::chimera::testing::ExpectPositive;
using ::nlohmann::json;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using Outcome = testing::BenchOutcome;

class CpuBenchTest : public ::testing::Test {
 protected:
  CpuBenchTest() { testing::WriteTinyLlama(model_path_, {}); }

  Outcome Run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--model=" + model_path_, "--repetitions=1"});
    return testing::RunProgram(CPU_BENCH_BINARY, std::move(arguments));
  }

  const testing::TempDirectory directory_;
  const std::string model_path_ = directory_.path() + "/tiny.gguf";
};

void ExpectProductRates(const json& rates) {
  ExpectPositive(rates, {"rows", "ms", "gb_per_s", "bandwidth_share", "gmac_per_s", "peak_share"});
}

TEST_F(CpuBenchTest, JsonHasEveryFigure) {
  const Outcome outcome = Run({"--json", "--threads=2", "--context=40"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  const json result = json::parse(outcome.output);
  EXPECT_THAT(result.at("numerics_id").get<std::string>(), HasSubstr("q4_1"));
  EXPECT_NE(result.at("model"), "");
  EXPECT_NE(result.at("isa"), "");
  EXPECT_EQ(result.at("threads"), 2);
  EXPECT_EQ(result.at("context"), 40);
  EXPECT_EQ(result.at("repetitions"), 1);
  EXPECT_GE(result.at("read_bandwidth").at("buffer_bytes"), 256 << 20);
  ExpectPositive(result.at("read_bandwidth"), {"gb_per_s"});
  ExpectPositive(result.at("int8_peak"), {"gmac_per_s"});
  ExpectPositive(result.at("one_row_products"), {"bandwidth_share", "target_at_least"});
  ExpectPositive(result.at("noise_at_temperature_1"), {"target_at_most"});
  ExpectPositive(result.at("prefill"), {"tokens", "repetitions", "ms", "tokens_per_s"});
  // The difference of two times may vanish on a busy machine.
  EXPECT_GE(result.at("noise_at_temperature_1").at("step_share"), 0);
  EXPECT_GE(result.at("noise").at("noise_us_per_row"), 0);
  ExpectPositive(result.at("noise"),
                 {"rows", "greedy_us_per_row", "sampled_us_per_row", "sampled_step_ms"});
}

TEST_F(CpuBenchTest, JsonHasEveryProductStepAndContext) {
  const Outcome outcome = Run({"--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  const json result = json::parse(outcome.output);
  const auto are_row_counts = ElementsAre(1, 2, 4, 8, 16, 32, 64);

  const json& gemm = result.at("gemm");
  std::vector<std::string> names;
  for (const json& shape : gemm) {
    names.push_back(shape.at("product"));
    ExpectPositive(shape, {"inputs", "outputs", "count", "weight_bytes"});
    EXPECT_THAT(Column(shape.at("times"), "rows"), are_row_counts);
    for (const json& rates : shape.at("times")) ExpectProductRates(rates);
  }
  EXPECT_THAT(names,
              ElementsAre("query+key+value", "attention_output", "gate+up", "down", "output"));
  EXPECT_THAT(Column(gemm, "count"), ElementsAre(2, 2, 2, 2, 1));
  EXPECT_THAT(Column(gemm, "inputs"), ElementsAre(64, 64, 64, 96, 64));
  EXPECT_THAT(Column(gemm, "outputs"), ElementsAre(128, 64, 192, 64, 320));
  EXPECT_EQ(gemm.at(0).at("type"), "Q4_1");
  EXPECT_EQ(gemm.at(4).at("type"), "Q8_0");
  // Blocks of 32 weights in 20 and 34 bytes.
  EXPECT_EQ(gemm.at(0).at("weight_bytes"), 2 * 128 * 64 / 32 * 20);
  EXPECT_EQ(gemm.at(4).at("weight_bytes"), 320 * 64 / 32 * 34);

  const json& steps = result.at("steps");
  EXPECT_THAT(Column(steps, "rows"), are_row_counts);
  for (const json& step : steps) {
    ExpectPositive(step, {"ms", "ratio_to_one_row"});
    ExpectProductRates(step.at("products"));
  }
  EXPECT_EQ(steps.at(0).at("ratio_to_one_row"), 1);

  const json& attention = result.at("attention");
  EXPECT_THAT(Column(attention, "context"), ElementsAre(512, 512, 2048, 2048, 8192, 8192));
  EXPECT_THAT(Column(attention, "rows"), ElementsAre(1, 8, 1, 8, 1, 8));
  for (const json& time : attention) {
    ExpectPositive(time, {"ms", "kv_bytes", "gb_per_s", "bandwidth_share"});
  }
}

TEST_F(CpuBenchTest, TableNamesTheTargets) {
  const Outcome outcome = Run({});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  for (const char* text :
       {"read bandwidth", "int8 peak", "gate+up: 2 x [192, 64] Q4_1", "all products of a step",
        "step after 256 positions", "prefill of 512", "attention, all layers", "best of 1",
        "% of the read bandwidth, target", "% of a one-row step, target"}) {
    EXPECT_THAT(outcome.output, HasSubstr(text));
  }
}

TEST_F(CpuBenchTest, UnquantisedProductsHaveNoShareOfThePeak) {
  testing::WriteTinyLlama(model_path_, {.type = DataType::kF16});
  const Outcome outcome = Run({"--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.errors;
  const json result = json::parse(outcome.output);
  EXPECT_TRUE(result.at("gemm").at(0).at("times").at(0).at("peak_share").is_null());
  EXPECT_TRUE(result.at("steps").at(0).at("products").at("peak_share").is_null());
  EXPECT_THAT(result.at("gemm").at(4).at("times").at(0).at("peak_share").get<double>(), Gt(0));
}

TEST_F(CpuBenchTest, WrongUsageExitsWithTwo) {
  const Outcome outcome = Run({"--context=0"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.errors,
            "chimera-cpu-bench: --context is 0, must be in [1, 131072]\n"
            "Try \"chimera-cpu-bench --help\".\n");
  EXPECT_EQ(outcome.output, "");
}

TEST_F(CpuBenchTest, FailuresExitWithOne) {
  const Outcome too_long = Run({"--context=497"});
  EXPECT_EQ(too_long.exit_code, 1);
  EXPECT_THAT(too_long.errors, HasSubstr("--context is 497, must be at most 496 with this model"));
  std::filesystem::remove(model_path_);
  const Outcome missing = Run({});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.errors, HasSubstr("tiny.gguf"));
}

TEST_F(CpuBenchTest, HelpExitsWithZero) {
  const Outcome outcome = Run({"--help"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.output, HasSubstr("usage: chimera-cpu-bench [flags]"));
}

}  // namespace
}  // namespace chimera
