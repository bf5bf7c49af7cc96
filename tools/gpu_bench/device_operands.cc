#include "tools/gpu_bench/device_operands.h"

#include <algorithm>
#include <vector>

#include "common/base/status_macros.h"
#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "tools/gpu_bench/random_tensors.h"

namespace chimera {

absl::StatusOr<cuda::DeviceBuffer<uint16_t>> RandomDeviceBf16(int64_t size, cuda::Stream& stream) {
  constexpr int64_t kDrawn = int64_t{1} << 20;
  const auto elements = static_cast<size_t>(size);
  size_t filled = static_cast<size_t>(std::min(size, kDrawn));
  CHIMERA_ASSIGN_OR_RETURN(auto buffer, cuda::DeviceBuffer<uint16_t>::Allocate(elements));
  CHIMERA_ASSIGN_OR_RETURN(auto staged, cuda::PinnedBuffer<uint16_t>::Allocate(filled));
  std::ranges::copy(RandomBf16(filled, 0x1p-4f), staged.span().begin());
  CHIMERA_RETURN_IF_ERROR(
      cuda::CopyToDevice<uint16_t>(buffer.span().subspan(0, filled), staged.span(), stream));
  while (filled < elements) {
    const size_t count = std::min(filled, elements - filled);
    CHIMERA_RETURN_IF_ERROR(cuda::CopyWithin<uint16_t>(buffer.span().subspan(filled, count),
                                                       buffer.span().subspan(0, count), stream));
    filled += count;
  }
  CHIMERA_RETURN_IF_ERROR(stream.Synchronize());
  return buffer;
}

LaunchOrder BestLaunchOrder(const cuda::DeviceInfo& device) {
  return device.compute_capability_major >= 9 ? LaunchOrder::kOverlapsPriorLaunch
                                              : LaunchOrder::kAfterPriorLaunch;
}

ColdLaunches PlanColdLaunches(int64_t bytes, const cuda::DeviceInfo& device, int most_launches) {
  constexpr int64_t kUsualLaunches = 16;
  const auto cold_bytes = static_cast<int64_t>(4 * device.l2_cache_bytes);
  const int64_t sets = std::max<int64_t>(cold_bytes / bytes + 1, 2);
  const int64_t launches = std::min<int64_t>(std::max(sets, kUsualLaunches), most_launches);
  return {static_cast<int>(std::min(sets, launches)), static_cast<int>(launches)};
}

}  // namespace chimera
