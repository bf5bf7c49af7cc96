// Host memory that devices copy from and to while the host goes on.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_PINNED_MEMORY_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_PINNED_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include "absl/status/statusor.h"
#include "common/base/checked_math.h"
#include "common/base/status_macros.h"

namespace chimera::cuda {

// Owns bytes of host memory that the system never moves, aligned to a page or better. Nothing by
// default and after it was moved from. REQUIRES, of the destructor: no copy from or to it is
// pending (as DeviceMemory).
class PinnedMemory {
 public:
  // `bytes`, not initialised; none if 0. Slow: allocate once and use again. Errors:
  // RESOURCE_EXHAUSTED, naming the bytes asked for; see device_error.h.
  static absl::StatusOr<PinnedMemory> Allocate(size_t bytes);

  PinnedMemory() = default;

  void* data() { return data_.get(); }
  const void* data() const { return data_.get(); }
  size_t size_bytes() const { return data_ == nullptr ? 0 : size_bytes_; }

 private:
  struct Free {
    void operator()(void* data) const;
  };

  PinnedMemory(void* data, size_t bytes) : data_(data), size_bytes_(bytes) {}

  std::unique_ptr<void, Free> data_;
  size_t size_bytes_ = 0;  // of what data_ points to
};

// Owns elements in pinned memory; otherwise as PinnedMemory. While a copy from it is pending the
// host must not write to it, and while a copy to it is pending neither read nor write: what is there
// is undetermined until the stream was waited for.
template <typename T>
class PinnedBuffer {
 public:
  static_assert(std::is_trivially_copyable_v<T>, "pinned memory is copied byte by byte");

  // `size` elements, not initialised. Errors: as PinnedMemory::Allocate.
  static absl::StatusOr<PinnedBuffer> Allocate(size_t size) {
    const size_t bytes = CheckedMultiply(size, sizeof(T)).value_or(SIZE_MAX);  // which nobody has
    CHIMERA_ASSIGN_OR_RETURN(PinnedMemory memory, PinnedMemory::Allocate(bytes));
    return PinnedBuffer(std::move(memory));
  }

  PinnedBuffer() = default;

  size_t size() const { return memory_.size_bytes() / sizeof(T); }  // elements
  std::span<T> span() { return {static_cast<T*>(memory_.data()), size()}; }
  std::span<const T> span() const { return {static_cast<const T*>(memory_.data()), size()}; }

 private:
  explicit PinnedBuffer(PinnedMemory memory) : memory_(std::move(memory)) {}

  PinnedMemory memory_;
};

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_PINNED_MEMORY_H_
