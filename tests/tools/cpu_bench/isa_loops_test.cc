#include "tools/cpu_bench/isa_loops.h"

#include <gtest/gtest.h>

#include <cstring>

#include "common/cpu/aligned_buffer.h"
#include "tests/common/cpu/isa_test_cases.h"

namespace chimera {
namespace {

class IsaLoopsTest : public ::testing::TestWithParam<CpuIsa> {
 protected:
  void SetUp() override { CHIMERA_SKIP_UNLESS_AVAILABLE(GetParam()); }
};

TEST_P(IsaLoopsTest, ReadsEveryWordOnce) {
  constexpr int64_t kSize = 4 * 3 * kReadStep;
  AlignedBuffer buffer(kSize);
  uint64_t expected = 0;
  for (int64_t at = 0; at < kSize; at += 8) {
    const uint64_t word = (static_cast<uint64_t>(at) + 1) * 0x9e3779b97f4a7c15u;
    std::memcpy(buffer.data() + at, &word, sizeof(word));
    expected ^= word;
  }
  for (const int64_t streams : {1, 2, 3, 4}) {
    EXPECT_EQ(GetIsaLoops(GetParam()).read(buffer.data(), kSize, streams), expected) << streams;
  }
}

TEST_P(IsaLoopsTest, MultiplicationDependsOnOperandsAndRounds) {
  const IsaLoops& loops = GetIsaLoops(GetParam());
  alignas(64) int8_t operands[kOperandBytes];
  for (int64_t i = 0; i < kOperandBytes; ++i) operands[i] = static_cast<int8_t>(i * 37 % 127);
  EXPECT_GT(loops.macs_per_round, 0);
  const uint32_t three = loops.multiply(operands, 3);
  EXPECT_EQ(loops.multiply(operands, 3), three);
  EXPECT_NE(loops.multiply(operands, 4), three);
  operands[0] ^= 1;
  EXPECT_NE(loops.multiply(operands, 3), three);
}

INSTANTIATE_TEST_SUITE_P(AllIsas, IsaLoopsTest, ::testing::ValuesIn(testing::kAllCpuIsas),
                         testing::IsaTestName);

}  // namespace
}  // namespace chimera
