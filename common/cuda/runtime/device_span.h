// A view of elements in device memory.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_DEVICE_SPAN_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_DEVICE_SPAN_H_

#include <cstddef>
#include <type_traits>

#include "common/base/check.h"

namespace chimera::cuda {

// `size` elements on a device, owned by another (DeviceBuffer) who must outlive it. Host code passes
// it on and cannot read through it: it has neither operator[] nor iterators, and no data(), by which
// host spans would be made from it.
template <typename T>
class DeviceSpan {
 public:
  static_assert(std::is_trivially_copyable_v<T>, "device memory is copied byte by byte");

  constexpr DeviceSpan() = default;
  constexpr DeviceSpan(T* device_pointer, size_t size)
      : device_pointer_(device_pointer), size_(size) {}

  // From a view of mutable elements to one of the same elements, const.
  template <typename U>
  requires(std::is_same_v<const U, T>)
      // NOLINTNEXTLINE(google-explicit-constructor): as std::span has it
      constexpr DeviceSpan(DeviceSpan<U> other)
      : device_pointer_(other.device_pointer()), size_(other.size()) {}

  // For kernels; never to be dereferenced on the host.
  constexpr T* device_pointer() const { return device_pointer_; }

  constexpr size_t size() const { return size_; }  // elements
  constexpr size_t size_bytes() const { return size_ * sizeof(T); }
  constexpr bool empty() const { return size_ == 0; }

  // The `count` elements from number `first` on. REQUIRES: first + count <= size().
  constexpr DeviceSpan subspan(size_t first, size_t count) const {
    CHIMERA_CHECK(first <= size_ && count <= size_ - first)
        << "elements " << first << " + " << count << " of " << size_;
    return DeviceSpan(device_pointer_ + first, count);
  }

 private:
  T* device_pointer_ = nullptr;
  size_t size_ = 0;
};

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_DEVICE_SPAN_H_
