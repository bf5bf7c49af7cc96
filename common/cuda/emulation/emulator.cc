#include "common/cuda/emulation/emulator.h"

#include <numeric>

#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "common/cuda/emulation/thread_block.h"

namespace chimera::emulation {
namespace {

constexpr int kMaxThreadsPerBlock = 1024;
constexpr int kMaxBlocksYz = 65535;

}  // namespace

absl::Status ValidateLaunch(const LaunchShape& shape, int threads_per_block) {
  const GridIndex& blocks = shape.blocks;
  if (blocks.x < 1 || blocks.y < 1 || blocks.z < 1 || blocks.y > kMaxBlocksYz ||
      blocks.z > kMaxBlocksYz) {
    return absl::InvalidArgumentError(
        absl::StrFormat("blocks (%d, %d, %d): each must be at least 1, y and z at most %d",
                        blocks.x, blocks.y, blocks.z, kMaxBlocksYz));
  }
  if (shape.shared_bytes > kMaxSharedBytes) {
    return absl::InvalidArgumentError(absl::StrFormat("shared_bytes is %d, the limit is %d",
                                                      shape.shared_bytes, kMaxSharedBytes));
  }
  if (threads_per_block > kMaxThreadsPerBlock) {
    return absl::InvalidArgumentError(absl::StrFormat("%d threads per block, the limit is %d",
                                                      threads_per_block, kMaxThreadsPerBlock));
  }
  return absl::OkStatus();
}

absl::Status Emulator::Run(const LaunchShape& shape, int threads_per_block,
                           const std::function<void()>& thread_body) {
  CHIMERA_RETURN_IF_ERROR(ValidateLaunch(shape, threads_per_block));
  while (static_cast<int>(fibers_.size()) < threads_per_block) {
    fibers_.push_back(std::make_unique<Fiber>());
  }
  ThreadBlock block({threads_per_block, shape, options_.tensor_core}, fibers_, &order_);
  const GridIndex& size = shape.blocks;
  std::vector<int> waiting(static_cast<size_t>(size.x) * size.y * size.z);
  std::iota(waiting.begin(), waiting.end(), 0);
  while (!waiting.empty()) {
    const int index = order_.Take(&waiting);
    block.Run({index % size.x, index / size.x % size.y, index / size.x / size.y}, thread_body);
  }
  return absl::OkStatus();
}

}  // namespace chimera::emulation
