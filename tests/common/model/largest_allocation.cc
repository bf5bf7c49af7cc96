#include "tests/common/model/largest_allocation.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace chimera::testing {
namespace {

std::atomic<size_t> largest = 0;

void Record(size_t size) {
  size_t before = largest.load(std::memory_order_relaxed);
  while (size > before && !largest.compare_exchange_weak(before, size)) {
  }
}

}  // namespace

size_t TakeLargestAllocation() { return largest.exchange(0); }

}  // namespace chimera::testing

// Sanitizers watch malloc and free, so they see these allocations too.
void* operator new(size_t size) {
  chimera::testing::Record(size);
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
