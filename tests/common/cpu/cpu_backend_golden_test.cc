// The bits of a small model's logits. Every build type and compiler runs this test, so it shows
// that they agree; a changed hash is a changed numerics id.

#include <gtest/gtest.h>

#include <bit>

#include "common/cpu/cpu_backend.h"
#include "tests/common/backend/backend_harness.h"
#include "tests/common/cpu/isa_test_cases.h"
#include "tests/common/cpu/tiny_cpu_backend.h"

namespace chimera {
namespace {

using namespace ::chimera::testing;  // NOLINT: the harness

class CpuBackendGoldenTest : public ::testing::TestWithParam<CpuIsa> {
 protected:
  void SetUp() override { CHIMERA_SKIP_UNLESS_AVAILABLE(GetParam()); }

  // Of the logits and choices of a tree behind a prompt.
  static uint64_t Hash(DataType type) {
    const auto model = OpenTinyLlama({.type = type, .embedding_type = DataType::kQ8_0});
    const auto backend = MakeCpuBackend(*model, {.isa = GetParam()});
    std::mt19937 random(1);
    const std::vector<int32_t> pages = PageTable(4);
    const std::vector<int32_t> prompt = RandomTokens(40, model->config().vocab_size, &random);
    Prefill(backend.get(), pages, prompt, 40);
    const TokenTree tree = RandomTree(20, 2, model->config().vocab_size, &random);
    const StepResult result =
        RunStep(backend.get(), SequenceStep{.pages = pages,
                                            .context_length = 40,
                                            .tree = &tree,
                                            .sampling = {.temperature = 1.0f, .seed = 6},
                                            .outputs = {.logits = true}});
    uint64_t hash = 0xcbf29ce484222325;
    const auto add = [&hash](uint32_t word) { hash = (hash ^ word) * 0x100000001b3; };
    for (const float logit : result.logits) add(std::bit_cast<uint32_t>(logit));
    for (const int32_t token : result.chosen) add(static_cast<uint32_t>(token));
    return hash;
  }
};

TEST_P(CpuBackendGoldenTest, Q4_1) { EXPECT_EQ(Hash(DataType::kQ4_1), 0x2762a7a4ccbbcec4u); }

TEST_P(CpuBackendGoldenTest, Q4_0) { EXPECT_EQ(Hash(DataType::kQ4_0), 0x7251aa26b108463au); }

TEST_P(CpuBackendGoldenTest, Q8_0) { EXPECT_EQ(Hash(DataType::kQ8_0), 0x4a8d6b871eb47ec2u); }

TEST_P(CpuBackendGoldenTest, F16) { EXPECT_EQ(Hash(DataType::kF16), 0xefc848e3a8efde0eu); }

INSTANTIATE_TEST_SUITE_P(Isas, CpuBackendGoldenTest, ::testing::ValuesIn(kAllCpuIsas), IsaTestName);

}  // namespace
}  // namespace chimera
