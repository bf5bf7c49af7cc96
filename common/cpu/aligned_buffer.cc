#include "common/cpu/aligned_buffer.h"

#include <sys/mman.h>

#include "common/base/check.h"

namespace chimera {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

AlignedBuffer::AlignedBuffer(size_t size) : size_(size) {
  if (size == 0) return;
  // Room to begin at a huge page; what is never touched takes no memory.
  const size_t mapped = size + kHugePage;
  void* const mapping = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHIMERA_CHECK(mapping != MAP_FAILED) << "no memory for " << mapped << " bytes";
  void* memory = mapping;
  size_t space = mapped;
  std::align(kHugePage, size, memory, space);
  madvise(memory, size, MADV_HUGEPAGE);  // a wish; what the system makes of it does not matter
  data_ =
      std::unique_ptr<std::byte, Unmap>(static_cast<std::byte*>(memory), Unmap{mapping, mapped});
}

void AlignedBuffer::Unmap::operator()(std::byte* /*data*/) const { munmap(mapping, mapped); }

}  // namespace chimera
