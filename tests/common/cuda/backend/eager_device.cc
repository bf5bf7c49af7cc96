#include <gtest/gtest.h>

#include <optional>

#include "common/cuda/runtime/emulated_device.h"

namespace chimera::testing {
namespace {

// While the test program runs, work of the emulated device runs now and then before it must.
class EagerDevice : public ::testing::Environment {
 public:
  void SetUp() override { computer_.emplace(cuda::EmulatedComputer{.schedule_seed = 3}); }
  void TearDown() override { computer_.reset(); }

 private:
  std::optional<cuda::ScopedEmulatedComputer> computer_;
};

// gtest owns it.
[[maybe_unused]] ::testing::Environment* const kEnvironment =
    ::testing::AddGlobalTestEnvironment(new EagerDevice);

}  // namespace
}  // namespace chimera::testing
