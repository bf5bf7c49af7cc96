// What the emulated runtime has allocated.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_MEMORY_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_MEMORY_H_

#include <cstddef>
#include <map>

namespace chimera::cuda {

// In place of a device's number: pinned host memory.
inline constexpr int kPinnedMemory = -1;

// All blocks of device and pinned memory. Where `place` is said, it is the number of a device or
// kPinnedMemory. Not for several threads at once.
class EmulatedMemory {
 public:
  // `bytes` of 0xFF, aligned to 256; null where the host has none left. REQUIRES: bytes > 0.
  void* Allocate(int place, size_t bytes);

  // REQUIRES: `data` is from Allocate, and not freed.
  void Free(void* data);

  // Ends the process unless the bytes lie in one block of that place.
  void CheckAllocated(const void* data, size_t bytes, int place) const;

  size_t AllocatedBytes(int place) const;
  bool empty() const { return blocks_.empty(); }

 private:
  struct Block {
    size_t bytes;
    int place;
  };

  std::map<const std::byte*, Block> blocks_;  // by their first byte
};

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_EMULATED_MEMORY_H_
