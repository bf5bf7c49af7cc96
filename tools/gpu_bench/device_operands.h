// Operands of kernels that are timed alone.

#ifndef CHIMERA_TOOLS_GPU_BENCH_DEVICE_OPERANDS_H_
#define CHIMERA_TOOLS_GPU_BENCH_DEVICE_OPERANDS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/runtime/device.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/stream.h"

namespace chimera {

// `size` random bf16 numbers in [-1/16, 1/16] on the device. Waits for the stream. Errors:
// common/cuda/runtime/device_error.h.
absl::StatusOr<cuda::DeviceBuffer<uint16_t>> RandomDeviceBf16(int64_t size, cuda::Stream& stream);

// In which order the backend launches kernels on such a device.
LaunchOrder BestLaunchOrder(const cuda::DeviceInfo& device);

// How kernels that are timed together get operands which are not in the second-level cache, as
// those of a model's layers are not.
struct ColdLaunches {
  int operands = 1;  // launch i takes set i % operands
  int launches = 1;  // at least as many
};

// For operands of `bytes` a launch: as many sets as are four times the cache, and 16 launches or as
// many as there are sets, but no more than `most_launches`.
ColdLaunches PlanColdLaunches(int64_t bytes, const cuda::DeviceInfo& device, int most_launches);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_DEVICE_OPERANDS_H_
