#include "tools/gpu_bench/bandwidth_bench.h"

#include <algorithm>

#include "common/base/status_macros.h"
#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "tools/gpu_bench/bench_kernels.h"
#include "tools/gpu_bench/device_operands.h"

namespace chimera {
namespace {

// 64 times what the second-level cache holds, in a small part of the memory that is free.
absl::StatusOr<int64_t> BytesToMove(const cuda::DeviceInfo& device) {
  CHIMERA_ASSIGN_OR_RETURN(const size_t free, cuda::FreeDeviceMemoryBytes());
  const auto most = static_cast<int64_t>(std::min(free / 16, 64 * device.l2_cache_bytes));
  return std::max(most / kReadUnitBytes, int64_t{1}) * kReadUnitBytes;
}

}  // namespace

absl::StatusOr<TransferTime> MeasureReadBandwidth(const cuda::DeviceInfo& device, int repetitions,
                                                  DeviceTimer* timer) {
  CHIMERA_ASSIGN_OR_RETURN(const int64_t bytes, BytesToMove(device));
  CHIMERA_ASSIGN_OR_RETURN(
      const auto source,
      RandomDeviceBf16(bytes / static_cast<int64_t>(sizeof(uint16_t)), timer->stream()));
  const int blocks = device.multiprocessor_count * kReadBlocksPerMultiprocessor;
  CHIMERA_ASSIGN_OR_RETURN(auto checksums,
                           cuda::DeviceBuffer<uint32_t>::Allocate(size_t(blocks) * kReadThreads));
  const ReadArguments arguments = {.block_count = blocks,
                                   .bytes = bytes,
                                   .source = source.span().device_pointer(),
                                   .checksums = checksums.span().device_pointer()};
  const auto read = [&](cuda::Stream& stream) { return LaunchRead(stream, arguments); };
  CHIMERA_ASSIGN_OR_RETURN(const TimeSpread seconds, timer->Measure(read, repetitions));
  return TransferTime{bytes, seconds};
}

absl::StatusOr<CopyTimes> MeasureCopies(const cuda::DeviceInfo& device, int repetitions,
                                        DeviceTimer* timer) {
  CHIMERA_ASSIGN_OR_RETURN(const int64_t bytes, BytesToMove(device));
  constexpr int64_t kMostPinnedBytes = int64_t{256} << 20;
  const auto host_size = static_cast<size_t>(std::min(bytes, kMostPinnedBytes));
  CHIMERA_ASSIGN_OR_RETURN(auto from, cuda::DeviceBuffer<std::byte>::Allocate(bytes));
  CHIMERA_ASSIGN_OR_RETURN(auto to, cuda::DeviceBuffer<std::byte>::Allocate(bytes));
  CHIMERA_ASSIGN_OR_RETURN(auto host, cuda::PinnedBuffer<std::byte>::Allocate(host_size));
  std::ranges::fill(host.span(), std::byte{0x3c});
  CHIMERA_RETURN_IF_ERROR(cuda::Fill(from.span(), std::byte{0x3c}, timer->stream()));

  const auto measure = [&](size_t size, DeviceTimer::Work copy) -> absl::StatusOr<TransferTime> {
    CHIMERA_ASSIGN_OR_RETURN(const TimeSpread seconds, timer->Measure(copy, repetitions));
    return TransferTime{static_cast<int64_t>(size), seconds};
  };
  CopyTimes times;
  CHIMERA_ASSIGN_OR_RETURN(times.within, measure(bytes, [&](cuda::Stream& stream) {
                             return cuda::CopyWithin<std::byte>(to.span(), from.span(), stream);
                           }));
  const cuda::DeviceSpan<std::byte> part = to.span().subspan(0, host_size);
  CHIMERA_ASSIGN_OR_RETURN(times.to_device, measure(host_size, [&](cuda::Stream& stream) {
                             return cuda::CopyToDevice<std::byte>(part, host.span(), stream);
                           }));
  CHIMERA_ASSIGN_OR_RETURN(times.to_host, measure(host_size, [&](cuda::Stream& stream) {
                             return cuda::CopyToHost<std::byte>(host.span(), part, stream);
                           }));
  return times;
}

}  // namespace chimera
