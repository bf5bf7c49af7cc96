#include "common/cuda/runtime/emulated_memory.h"

#include <cstring>
#include <new>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace chimera::cuda {
namespace {

constexpr std::align_val_t kAlignment{256};  // as cudaMalloc promises
constexpr int kPoison = 0xFF;

std::string PlaceName(int place) {
  return place == kPinnedMemory ? "pinned memory" : absl::StrCat("memory of device ", place);
}

}  // namespace

void* EmulatedMemory::Allocate(int place, size_t bytes) {
  // Exactly as many as asked for, so that AddressSanitizer knows the end.
  void* const data = ::operator new(bytes, kAlignment, std::nothrow);
  if (data == nullptr) return nullptr;
  std::memset(data, kPoison, bytes);
  blocks_.emplace(static_cast<const std::byte*>(data), Block{bytes, place});
  return data;
}

void EmulatedMemory::Free(void* data) {
  CHIMERA_CHECK(blocks_.erase(static_cast<const std::byte*>(data)) == 1) << "freed twice";
  ::operator delete(data, kAlignment);
}

void EmulatedMemory::CheckAllocated(const void* data, size_t bytes, int place) const {
  const std::byte* const first = static_cast<const std::byte*>(data);
  auto block = blocks_.upper_bound(first);
  CHIMERA_CHECK(block != blocks_.begin() &&
                first < std::prev(block)->first + std::prev(block)->second.bytes)
      << "work uses memory that is not allocated as " << PlaceName(place);
  --block;
  CHIMERA_CHECK(block->second.place == place)
      << "work uses " << PlaceName(block->second.place) << " as " << PlaceName(place);
  const size_t rest = block->first + block->second.bytes - first;
  CHIMERA_CHECK(bytes <= rest) << "work on " << bytes << " bytes where " << rest << " are left of "
                               << PlaceName(place);
}

size_t EmulatedMemory::AllocatedBytes(int place) const {
  size_t bytes = 0;
  for (const auto& [first, block] : blocks_) {
    if (block.place == place) bytes += block.bytes;
  }
  return bytes;
}

}  // namespace chimera::cuda
