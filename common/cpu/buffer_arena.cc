#include "common/cpu/buffer_arena.h"

#include <algorithm>

namespace chimera {
namespace {

// What is never touched of a buffer takes no memory.
constexpr size_t kBufferBytes = size_t{64} << 20;
constexpr size_t kAlignment = 64;

}  // namespace

std::byte* BufferArena::Take(size_t size) {
  const size_t space = (size + kAlignment - 1) / kAlignment * kAlignment;
  if (buffers_.empty() || buffers_.back().size() - used_ < space) {
    buffers_.emplace_back(std::max(space, kBufferBytes));
    used_ = 0;
  }
  std::byte* const block = buffers_.back().data() + used_;
  used_ += space;
  return block;
}

}  // namespace chimera
