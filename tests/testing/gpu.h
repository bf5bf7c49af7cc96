// Tests that need a GPU.

#ifndef CHIMERA_TESTS_TESTING_GPU_H_
#define CHIMERA_TESTS_TESTING_GPU_H_

#include <gtest/gtest.h>

#include "absl/status/status.h"
#include "common/cuda/runtime/device.h"

// Skips the test in which, or in the SetUp() of which, this is the first statement, and says why,
// unless there is a device 0 that our kernels run on; it is the thread's from then on. The program
// links an implementation of the CUDA runtime; the emulated one has a device.
#define CHIMERA_SKIP_WITHOUT_GPU()                                                         \
  do {                                                                                     \
    const absl::Status chimera_device = ::chimera::cuda::SelectDevice(0);                  \
    if (!chimera_device.ok()) GTEST_SKIP() << "needs a GPU: " << chimera_device.message(); \
  } while (false)

namespace chimera::testing {

// Whether device 0 is emulated: then the same tests are made with less. REQUIRES: there is one.
inline bool DeviceIsEmulated() {
  static const bool is_emulated = cuda::GetDeviceInfo(0)->name == "emulated device";
  return is_emulated;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_GPU_H_
