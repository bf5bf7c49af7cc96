// Large blocks of zeroed memory for vector code.

#ifndef CHIMERA_COMMON_CPU_ALIGNED_BUFFER_H_
#define CHIMERA_COMMON_CPU_ALIGNED_BUFFER_H_

#include <cstddef>
#include <memory>

namespace chimera {

// Owns `size` bytes, zero at first, aligned to a huge page. Straight from the system, which finds
// memory for a page when it is first touched, and which is asked for huge pages.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t size);

  size_t size() const { return size_; }
  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }

 private:
  struct Unmap {
    void* mapping;
    size_t mapped;
    void operator()(std::byte* data) const;
  };

  size_t size_ = 0;
  std::unique_ptr<std::byte, Unmap> data_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CPU_ALIGNED_BUFFER_H_
