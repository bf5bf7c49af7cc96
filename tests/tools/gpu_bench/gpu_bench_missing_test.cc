// What the program says on a computer without a GPU.

#include <gtest/gtest.h>

#include <string>

#include "common/cuda/runtime/device.h"
#include "tests/testing/child_process.h"

namespace chimera {
namespace {

TEST(GpuBenchMissingTest, SaysSoInOneLine) {
  const absl::Status missing = cuda::DeviceCount().status();
  if (missing.ok()) GTEST_SKIP() << "this computer has a GPU";
  testing::ChildProcess process(GPU_BENCH_BINARY, {});
  EXPECT_EQ(process.Wait(), 1);
  EXPECT_EQ(process.Errors(), "chimera-gpu-bench: " + std::string(missing.message()) + "\n");
  EXPECT_EQ(process.Output(), "");
}

}  // namespace
}  // namespace chimera
