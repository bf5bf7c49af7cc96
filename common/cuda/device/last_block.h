// Which of several blocks is the last to get somewhere: it finds there what all others have done.

#ifndef CHIMERA_COMMON_CUDA_DEVICE_LAST_BLOCK_H_
#define CHIMERA_COMMON_CUDA_DEVICE_LAST_BLOCK_H_

#include "common/cuda/device/primitives.h"

namespace chimera::device {

// Whether the calling block is the last of `block_count` blocks to call this with the same
// `arrivals`, in global memory and 0 before the first. The last block sees what all have written to
// global memory before. All threads of the block together. `is_last` is shared memory, which must
// not be written again before the next SyncThreads().
CHIMERA_DEVICE bool IsLastBlock(uint32_t* arrivals, int block_count, bool* is_last) {
  SyncThreads();
  if (ThreadIndex() == 0) {
    FenceDevice();
    *is_last = AtomicAdd(arrivals, 1u) == static_cast<uint32_t>(block_count - 1);
    FenceDevice();
  }
  SyncThreads();
  return *is_last;
}

}  // namespace chimera::device

#endif  // CHIMERA_COMMON_CUDA_DEVICE_LAST_BLOCK_H_
