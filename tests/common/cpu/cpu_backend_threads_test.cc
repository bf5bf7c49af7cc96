// A row's bits do not depend on the number of threads.

#include <gtest/gtest.h>

#include "tests/common/backend/backend_harness.h"
#include "tests/common/cpu/isa_test_cases.h"
#include "tests/common/cpu/tiny_cpu_backend.h"

namespace chimera::testing {
namespace {

class CpuBackendThreadsTest : public ::testing::TestWithParam<CpuIsa> {
 protected:
  void SetUp() override { CHIMERA_SKIP_UNLESS_AVAILABLE(GetParam()); }
};

TEST_P(CpuBackendThreadsTest, ThreadCountsGiveEqualResults) {
  const auto model = OpenTinyLlama({.seed = 5});
  std::mt19937 random(21);
  const std::vector<int32_t> tokens = RandomTokens(70, model->config().vocab_size, &random);
  const std::vector<int32_t> pages = PageTable(5);
  const auto prefill = [&](int thread_count) {
    const auto backend = MakeCpuBackend(*model, {.isa = GetParam(), .thread_count = thread_count});
    return Prefill(backend.get(), pages, tokens, 70).logits;
  };
  const std::vector<float> expected = prefill(1);
  for (const int thread_count : {2, 3, 7}) EXPECT_EQ(prefill(thread_count), expected);
}

INSTANTIATE_TEST_SUITE_P(Isas, CpuBackendThreadsTest, ::testing::ValuesIn(kAllCpuIsas),
                         IsaTestName);

}  // namespace
}  // namespace chimera::testing
