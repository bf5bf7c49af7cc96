#include "common/cpu/buffer_arena.h"

#include <algorithm>

namespace chimera {
namespace {

// What is never touched of a buffer takes no memory.
constexpr size_t kBufferBytes = size_t{64} << 20;
constexpr size_t kAlignment = 64;

}  // namespace

std::byte* BufferArena::Take(size_t size) {
  if (buffers_.empty() || buffers_.back().size() - used_ < size) {
    buffers_.emplace_back(std::max(size, kBufferBytes));
    used_ = 0;
  }
  std::byte* const block = buffers_.back().data() + used_;
  used_ =
      std::min(buffers_.back().size(), (used_ + size + kAlignment - 1) / kAlignment * kAlignment);
  return block;
}

}  // namespace chimera
