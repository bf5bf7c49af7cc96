#include "common/cpu/cpu_isa.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "tests/common/cpu/isa_test_cases.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::StatusIs;

TEST(CpuIsaTest, PortableIsAlwaysThereAndFirst) {
  EXPECT_EQ(AvailableCpuIsas().front(), CpuIsa::kPortable);
}

TEST(CpuIsaTest, TheFastestIsTheDefault) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const CpuIsa isa, ChooseCpuIsa(""));
  EXPECT_EQ(isa, AvailableCpuIsas().back());
}

TEST(CpuIsaTest, ANameRestrictsTheChoice) {
  for (const CpuIsa isa : testing::kAllCpuIsas) {
    if (testing::IsAvailable(isa)) {
      EXPECT_EQ(*ChooseCpuIsa(CpuIsaName(isa)), isa);
    } else {
      EXPECT_THAT(ChooseCpuIsa(CpuIsaName(isa)),
                  StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("does not support")));
    }
  }
}

TEST(CpuIsaTest, AnUnknownNameIsAnErrorThatListsTheNames) {
  EXPECT_THAT(ChooseCpuIsa("sse2"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("\"sse2\""), HasSubstr("portable, avx2, avx512vnni"))));
}

TEST(CpuIsaTest, TheEnvironmentVariableIsRead) {
  ASSERT_EQ(setenv(kCpuIsaVariable, "portable", 1), 0);
  EXPECT_EQ(*ChooseCpuIsaFromEnvironment(), CpuIsa::kPortable);
  ASSERT_EQ(setenv(kCpuIsaVariable, "neon", 1), 0);
  EXPECT_THAT(ChooseCpuIsaFromEnvironment(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("CHIMERA_CPU_ISA: ")));
  ASSERT_EQ(unsetenv(kCpuIsaVariable), 0);
  EXPECT_EQ(*ChooseCpuIsaFromEnvironment(), AvailableCpuIsas().back());
}

}  // namespace
}  // namespace chimera
