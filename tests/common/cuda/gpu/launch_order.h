// Orders of launches on the device that tests run on.

#ifndef CHIMERA_TESTS_COMMON_CUDA_GPU_LAUNCH_ORDER_H_
#define CHIMERA_TESTS_COMMON_CUDA_GPU_LAUNCH_ORDER_H_

#include <cstdint>

#include "common/cuda/launch_shape.h"
#include "common/cuda/runtime/device.h"

namespace chimera::testing {

// The order for one of many launches: both in turn, where device 0 can overlap launches. REQUIRES:
// there is a device 0.
inline LaunchOrder OrderOfLaunch(uint32_t number) {
  static const bool can_overlap = cuda::GetDeviceInfo(0)->compute_capability_major >= 9;
  return can_overlap && number % 2 != 0 ? LaunchOrder::kOverlapsPriorLaunch
                                        : LaunchOrder::kAfterPriorLaunch;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_GPU_LAUNCH_ORDER_H_
