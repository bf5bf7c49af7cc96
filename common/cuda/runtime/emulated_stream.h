// How emulated kernels get into streams. For the launch wrapper.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_STREAM_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_STREAM_H_

#include <functional>

#include "absl/status/status.h"
#include "common/cuda/emulation/emulator.h"
#include "common/cuda/runtime/stream.h"

namespace chimera::cuda {

// Gives a kernel to `stream`, or records it where the stream is being captured. `run` runs the whole
// grid by the emulator it is given, any number of times, in whatever thread waits for it; an error
// it returns loses the device. It holds its arguments by value and calls nothing of the runtime.
// Errors: device_error.h.
absl::Status EnqueueEmulatedKernel(Stream& stream,
                                   std::function<absl::Status(emulation::Emulator&)> run);

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_STREAM_H_
