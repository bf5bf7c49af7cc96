// Copies between host and device, and within a device.
//
// Each gives its work to a stream and does not wait. Host memory must be pinned (pinned_memory.h)
// and stay untouched until the stream was waited for; all memory must stay allocated until then.
// Sizes must be equal; copies of nothing do nothing. Device memory is that of the stream's device.
// Errors: device_error.h.

#ifndef CHIMERA_COMMON_CUDA_RUNTIME_COPY_H_
#define CHIMERA_COMMON_CUDA_RUNTIME_COPY_H_

#include <cstddef>
#include <functional>
#include <span>
#include <type_traits>

#include "absl/status/status.h"
#include "common/base/check.h"
#include "common/cuda/runtime/device_span.h"
#include "common/cuda/runtime/stream.h"

namespace chimera::cuda {

// What the implementations provide.
namespace internal {

enum class CopyDirection { kToDevice, kToHost, kWithinDevice };

struct ByteCopy {
  CopyDirection direction;
  void* destination;
  const void* source;
  size_t bytes;  // not 0
};

absl::Status CopyBytes(const ByteCopy& copy, Stream& stream);
absl::Status FillBytes(void* destination, std::byte value, size_t bytes, Stream& stream);

inline absl::Status CopyUnlessEmpty(const ByteCopy& copy, size_t source_bytes, Stream& stream) {
  CHIMERA_CHECK(copy.bytes == source_bytes)
      << "a copy of " << source_bytes << " bytes to " << copy.bytes;
  return copy.bytes == 0 ? absl::OkStatus() : CopyBytes(copy, stream);
}

}  // namespace internal

template <typename T>
absl::Status CopyToDevice(DeviceSpan<T> destination,
                          std::type_identity_t<std::span<const T>> source, Stream& stream) {
  return internal::CopyUnlessEmpty(
      {internal::CopyDirection::kToDevice, destination.device_pointer(), source.data(),
       destination.size_bytes()},
      source.size_bytes(), stream);
}

template <typename T>
absl::Status CopyToHost(std::type_identity_t<std::span<std::remove_const_t<T>>> destination,
                        DeviceSpan<T> source, Stream& stream) {
  return internal::CopyUnlessEmpty({internal::CopyDirection::kToHost, destination.data(),
                                    source.device_pointer(), destination.size_bytes()},
                                   source.size_bytes(), stream);
}

// REQUIRES: the two do not overlap.
template <typename T>
absl::Status CopyWithin(DeviceSpan<T> destination, std::type_identity_t<DeviceSpan<const T>> source,
                        Stream& stream) {
  const T* const to = destination.device_pointer();
  const T* const from = source.device_pointer();
  CHIMERA_CHECK(std::less_equal<>()(to + destination.size(), from) ||
                std::less_equal<>()(from + source.size(), to))
      << "a copy overlaps itself";
  return internal::CopyUnlessEmpty({internal::CopyDirection::kWithinDevice,
                                    destination.device_pointer(), from, destination.size_bytes()},
                                   source.size_bytes(), stream);
}

// Sets every byte to `value`.
template <typename T>
absl::Status Fill(DeviceSpan<T> destination, std::byte value, Stream& stream) {
  if (destination.empty()) return absl::OkStatus();
  return internal::FillBytes(destination.device_pointer(), value, destination.size_bytes(), stream);
}

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_RUNTIME_COPY_H_
