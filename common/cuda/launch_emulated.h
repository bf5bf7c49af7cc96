// Launch() in an emulator. Included by launch.h only.

#ifndef CHIMERA_COMMON_CUDA_LAUNCH_EMULATED_H_
#define CHIMERA_COMMON_CUDA_LAUNCH_EMULATED_H_

#include "common/cuda/emulation/emulator.h"
#include "common/cuda/launch.h"

namespace chimera {

template <LaunchableKernel Kernel>
absl::Status Launch(StreamView stream, const LaunchShape& shape,
                    const typename Kernel::Arguments& arguments) {
  CHIMERA_CHECK(stream.emulator() != nullptr) << "an emulated kernel was launched on a device";
  return stream.emulator()->Run(shape, Kernel::kThreads, [&arguments] { Kernel::Run(arguments); });
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_LAUNCH_EMULATED_H_
