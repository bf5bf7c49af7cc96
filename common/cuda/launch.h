// Launches kernels: on a CUDA stream where nvcc compiles this, in an emulator elsewhere.
//
// A kernel is a type like
//
//   struct Kernel {
//     struct Arguments { ... };                         // trivially copyable, at most 4 KiB
//     static constexpr int kThreads = 256;              // per block, whole warps
//     static constexpr int kBlocksPerMultiprocessor = 4;
//     static CHIMERA_DEVICE void Run(const Arguments& arguments);
//   };
//
// kThreads and kBlocksPerMultiprocessor together limit its registers to
// 65536 / (kThreads * kBlocksPerMultiprocessor) per thread: a kernel that needs more spills, and
// does not build (cmake/nvcc_compile.py). So many blocks must find room in shared memory, too,
// which every launch checks.

#ifndef CHIMERA_COMMON_CUDA_LAUNCH_H_
#define CHIMERA_COMMON_CUDA_LAUNCH_H_

#include <type_traits>

#include "absl/status/status.h"
#include "common/base/check.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera {

// What is said of kernels above, as far as the compiler can see it. Devices of compute capability
// 8.0 and 9.0 run 2048 threads per multiprocessor.
template <typename Kernel>
concept LaunchableKernel = std::is_trivially_copyable_v<typename Kernel::Arguments> &&
                               sizeof(typename Kernel::Arguments) <= 4096 &&
                           Kernel::kThreads % 32 == 0 && Kernel::kThreads <= 1024 &&
                           Kernel::kThreads* Kernel::kBlocksPerMultiprocessor <= 2048;

// Ends the process if the launch's shared memory keeps away blocks that the kernel counts on.
template <LaunchableKernel Kernel>
void CheckOccupancy(const LaunchShape& shape) {
  if (shape.shared_bytes > kMaxSharedBytes) return;  // the launch is refused
  const size_t used =
      Kernel::kBlocksPerMultiprocessor * (shape.shared_bytes + kReservedSharedBytes);
  CHIMERA_CHECK(used <= kSharedBytesPerMultiprocessor)
      << Kernel::kBlocksPerMultiprocessor << " blocks with " << shape.shared_bytes << " bytes each";
}

// Launches `Kernel` on the stream, asynchronously; what `arguments` points to must stay until it
// has run. Fails where the device refuses the launch, or with an error that an earlier launch left.
template <LaunchableKernel Kernel>
absl::Status Launch(StreamView stream, const LaunchShape& shape,
                    const typename Kernel::Arguments& arguments);

}  // namespace chimera

#if defined(__CUDACC__)
#include "common/cuda/launch_cuda.h"
#else
#include "common/cuda/launch_emulated.h"
#endif

#endif  // CHIMERA_COMMON_CUDA_LAUNCH_H_
