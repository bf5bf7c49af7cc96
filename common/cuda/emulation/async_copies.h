// The cp.async operations of one thread.

#ifndef CHIMERA_COMMON_CUDA_EMULATION_ASYNC_COPIES_H_
#define CHIMERA_COMMON_CUDA_EMULATION_ASYNC_COPIES_H_

#include <array>
#include <cstddef>
#include <vector>

namespace chimera::emulation {

// Bytes that one cp.async copies.
inline constexpr size_t kAsyncCopyBytes = 16;

// Copies arrive as late as the PTX ISA allows: when the thread waits for the group they were
// committed with. Until then their target is poisoned, so that a missing wait shows. Not
// thread-safe.
class AsyncCopies {
 public:
  // Begins to copy kAsyncCopyBytes from `source`, which is read at once, or zeros if it is null.
  void Begin(std::byte* target, const std::byte* source);

  // Makes a group of the copies begun since the last one; it may be empty.
  void Commit();

  // Lets all groups arrive but the last `pending` ones.
  void WaitForGroups(size_t pending);

  // Forgets all that has not arrived, as happens when a thread ends.
  void Clear();

 private:
  struct Copy {
    std::byte* target;
    std::array<std::byte, kAsyncCopyBytes> bytes;
  };
  using Group = std::vector<Copy>;

  Group uncommitted_;
  std::vector<Group> committed_;  // oldest first
};

}  // namespace chimera::emulation

#endif  // CHIMERA_COMMON_CUDA_EMULATION_ASYNC_COPIES_H_
