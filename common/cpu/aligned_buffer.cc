#include "common/cpu/aligned_buffer.h"

#include <sys/mman.h>

#include "common/base/check.h"

namespace chimera {

AlignedBuffer::AlignedBuffer(size_t size) : size_(size) {
  if (size == 0) return;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHIMERA_CHECK(memory != MAP_FAILED) << "no memory for " << size << " bytes";
  madvise(memory, size, MADV_HUGEPAGE);  // a wish; what the system makes of it does not matter
  data_ = std::unique_ptr<std::byte, Unmap>(static_cast<std::byte*>(memory), Unmap{size});
}

void AlignedBuffer::Unmap::operator()(std::byte* data) const { munmap(data, size); }

}  // namespace chimera
