// Memory for many blocks that live and die together.

#ifndef CHIMERA_COMMON_CPU_BUFFER_ARENA_H_
#define CHIMERA_COMMON_CPU_BUFFER_ARENA_H_

#include <cstddef>
#include <vector>

#include "common/cpu/aligned_buffer.h"

namespace chimera {

// Puts blocks close together in large buffers, so that huge pages hold them even where each is
// smaller than a page: reading weights one after the other then misses the translation cache less.
// Not for several threads at once.
class BufferArena {
 public:
  // `size` bytes, zero at first, aligned to 64, owned by the arena.
  std::byte* Take(size_t size);

 private:
  std::vector<AlignedBuffer> buffers_;
  size_t used_ = 0;  // bytes of the last buffer
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_BUFFER_ARENA_H_
