// How many blocks of how much shared memory a launch has.

#ifndef CHIMERA_COMMON_CUDA_LAUNCH_SHAPE_H_
#define CHIMERA_COMMON_CUDA_LAUNCH_SHAPE_H_

#include <cstddef>

namespace chimera {

// Threads that run together, on all devices that we build for.
inline constexpr int kWarpSize = 32;

// Blocks of a grid along three axes, or the place of a block among them.
struct GridIndex {
  int x = 0;
  int y = 0;
  int z = 0;

  bool operator==(const GridIndex&) const = default;
};

// Whether blocks may begin while the launch before them in the stream still runs.
enum class LaunchOrder {
  kAfterPriorLaunch,
  // Programmatic dependent launch, for devices of compute capability 9.0 and later: blocks begin
  // early, and every thread must call device::WaitForPriorLaunch() before it reads what a prior
  // launch wrote or writes what one reads.
  kOverlapsPriorLaunch,
};

// The threads per block belong to the kernel (common/cuda/launch.h).
struct LaunchShape {
  GridIndex blocks = {1, 1, 1};  // each at least 1; y and z at most 65 535
  size_t shared_bytes = 0;       // dynamic shared memory of a block, at most kMaxSharedBytes
  LaunchOrder order = LaunchOrder::kAfterPriorLaunch;
};

// What a block can have on a device of compute capability 8.0 (163 KiB) and hence on all we build
// for.
inline constexpr size_t kMaxSharedBytes = size_t{163} * 1024;

// What the blocks of a multiprocessor have there together, and what each takes besides.
inline constexpr size_t kSharedBytesPerMultiprocessor = size_t{164} * 1024;
inline constexpr size_t kReservedSharedBytes = 1024;

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_LAUNCH_SHAPE_H_
