// Launch() in an emulator. Included by launch.h only.

#ifndef CHIMERA_COMMON_CUDA_LAUNCH_EMULATED_H_
#define CHIMERA_COMMON_CUDA_LAUNCH_EMULATED_H_

#include "common/base/status_macros.h"
#include "common/cuda/emulation/emulator.h"
#include "common/cuda/launch.h"
#include "common/cuda/runtime/emulated_stream.h"

namespace chimera {

template <LaunchableKernel Kernel>
absl::Status Launch(StreamView stream, const LaunchShape& shape,
                    const typename Kernel::Arguments& arguments) {
  CheckOccupancy<Kernel>(shape);
  // By value: a stream runs it later, and a graph many times.
  const auto run = [shape, arguments](emulation::Emulator& emulator) {
    return emulator.Run(shape, Kernel::kThreads, [&arguments] { Kernel::Run(arguments); });
  };
  if (stream.emulator() != nullptr) return run(*stream.emulator());
  CHIMERA_RETURN_IF_ERROR(emulation::ValidateLaunch(shape, Kernel::kThreads));
  return cuda::EnqueueEmulatedKernel(*stream.stream(), run);
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_LAUNCH_EMULATED_H_
