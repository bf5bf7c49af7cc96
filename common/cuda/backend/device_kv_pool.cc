#include "common/cuda/backend/device_kv_pool.h"

#include <cstring>
#include <utility>

#include "common/base/status_macros.h"
#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/pinned_memory.h"

namespace chimera {
namespace {

int64_t PageElements(const LlamaConfig& config) {
  return int64_t{config.kv_size()} * kPagePositions;
}

int32_t AllPages(const BackendLimits& limits) {
  return limits.page_count + limits.slot_count * DeviceKvPool::kScratchPages;
}

}  // namespace

int64_t DeviceKvPool::PageBytes(const LlamaConfig& config) {
  return PageElements(config) * config.layer_count * 2 * static_cast<int64_t>(sizeof(uint16_t));
}

absl::StatusOr<DeviceKvPool> DeviceKvPool::Create(const LlamaConfig& config,
                                                  const BackendLimits& limits) {
  const int64_t elements = PageElements(config) * config.layer_count * 2 * AllPages(limits);
  CHIMERA_ASSIGN_OR_RETURN(auto memory, cuda::DeviceBuffer<uint16_t>::Allocate(elements));
  return DeviceKvPool(config, limits, std::move(memory));
}

DeviceKvPool::DeviceKvPool(const LlamaConfig& config, const BackendLimits& limits,
                           cuda::DeviceBuffer<uint16_t> memory)
    : layer_count_(config.layer_count),
      scratch_begin_(limits.page_count),
      page_count_(AllPages(limits)),
      page_elements_(PageElements(config)),
      memory_(std::move(memory)) {}

absl::StatusOr<std::vector<std::byte>> DeviceKvPool::CopyPage(int32_t page,
                                                              cuda::Stream& stream) const {
  const int64_t parts = 2 * int64_t{layer_count_};
  CHIMERA_ASSIGN_OR_RETURN(auto staged,
                           cuda::PinnedBuffer<uint16_t>::Allocate(parts * page_elements_));
  for (int64_t part = 0; part < parts; ++part) {
    const auto from =
        memory_.span().subspan(part * part_elements() + page * page_elements_, page_elements_);
    const auto to = staged.span().subspan(part * page_elements_, page_elements_);
    CHIMERA_RETURN_IF_ERROR(cuda::CopyToHost(to, from, stream));
  }
  CHIMERA_RETURN_IF_ERROR(stream.Synchronize());
  const std::span<const std::byte> bytes = std::as_bytes(staged.span());
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

}  // namespace chimera
