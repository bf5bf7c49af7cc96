// Owners of device memory.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_DEVICE_MEMORY_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_DEVICE_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "common/base/checked_math.h"
#include "common/base/status_macros.h"
#include "common/cuda/runtime/device_span.h"

namespace chimera::cuda {

// Owns bytes on a device, aligned to 256. Nothing by default and after it was moved from. Any thread
// may destroy it. REQUIRES, of the destructor: no work that uses the memory is pending. A Stream
// finishes its work when it is destroyed, so declare it after the memory that its work uses.
class DeviceMemory {
 public:
  // `bytes` on the calling thread's device, not initialised; none if 0. Does not wait for streams.
  // Errors: RESOURCE_EXHAUSTED, naming the bytes asked for and free; see device_error.h.
  static absl::StatusOr<DeviceMemory> Allocate(size_t bytes);

  DeviceMemory() = default;

  // For kernels; never to be dereferenced on the host.
  void* device_pointer() { return data_.get(); }
  const void* device_pointer() const { return data_.get(); }
  size_t size_bytes() const { return data_ == nullptr ? 0 : size_bytes_; }

 private:
  struct Free {
    void operator()(void* data) const;
  };

  DeviceMemory(void* data, size_t bytes) : data_(data), size_bytes_(bytes) {}

  std::unique_ptr<void, Free> data_;
  size_t size_bytes_ = 0;  // of what data_ points to
};

// Owns elements on a device; otherwise as DeviceMemory.
template <typename T>
class DeviceBuffer {
 public:
  // `size` elements, not initialised. Errors: as DeviceMemory::Allocate.
  static absl::StatusOr<DeviceBuffer> Allocate(size_t size) {
    const size_t bytes = CheckedMultiply(size, sizeof(T)).value_or(SIZE_MAX);  // which nobody has
    CHIMERA_ASSIGN_OR_RETURN(DeviceMemory memory, DeviceMemory::Allocate(bytes));
    return DeviceBuffer(std::move(memory));
  }

  DeviceBuffer() = default;

  size_t size() const { return memory_.size_bytes() / sizeof(T); }  // elements
  DeviceSpan<T> span() { return {static_cast<T*>(memory_.device_pointer()), size()}; }
  DeviceSpan<const T> span() const {
    return {static_cast<const T*>(memory_.device_pointer()), size()};
  }

 private:
  explicit DeviceBuffer(DeviceMemory memory) : memory_(std::move(memory)) {}

  DeviceMemory memory_;
};

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_DEVICE_MEMORY_H_
