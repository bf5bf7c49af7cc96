// Tests that run once per instruction set, and say so where the machine lacks one.

#ifndef CHIMERA_TESTS_COMMON_CPU_ISA_TEST_CASES_H_
#define CHIMERA_TESTS_COMMON_CPU_ISA_TEST_CASES_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "common/cpu/cpu_isa.h"

namespace chimera::testing {

inline constexpr CpuIsa kAllCpuIsas[] = {CpuIsa::kPortable, CpuIsa::kAvx2, CpuIsa::kAvx512Vnni};

inline bool IsAvailable(CpuIsa isa) {
  const std::vector<CpuIsa> available = AvailableCpuIsas();
  return std::find(available.begin(), available.end(), isa) != available.end();
}

inline std::string IsaTestName(const ::testing::TestParamInfo<CpuIsa>& info) {
  return std::string(CpuIsaName(info.param));
}

// For SetUp().
#define CHIMERA_SKIP_UNLESS_AVAILABLE(isa)                              \
  if (!::chimera::testing::IsAvailable(isa)) {                          \
    GTEST_SKIP() << "this machine does not support " << CpuIsaName(isa) \
                 << ": its kernels are NOT tested here";                \
  }                                                                     \
  static_assert(true)

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CPU_ISA_TEST_CASES_H_
