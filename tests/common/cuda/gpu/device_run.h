// Kernels on a device, with operands and results of the host.

#ifndef CHIMERA_TESTS_COMMON_CUDA_GPU_DEVICE_RUN_H_
#define CHIMERA_TESTS_COMMON_CUDA_GPU_DEVICE_RUN_H_

#include <cstddef>
#include <cstring>
#include <deque>
#include <span>
#include <type_traits>

#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "common/cuda/runtime/stream.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {

// Copies of the host's memory on the thread's device, as long as it lives. What fails is a failure
// of the test.
class DeviceRun {
 public:
  DeviceRun() : stream_(*cuda::Stream::Create()) {}

  // For launches.
  cuda::Stream& stream() { return stream_; }

  // Copies what kernels only read. The device's address.
  template <typename Range>
  auto* Copy(const Range& host) {
    const auto bytes = std::as_bytes(std::span(host));
    using Element = typename std::remove_cvref_t<Range>::value_type;
    return static_cast<const Element*>(CopyBytes(bytes, nullptr));
  }

  // Copies what they may write, and back in Finish.
  template <typename Range>
  auto* CopyBothWays(Range& host) {
    const auto bytes = std::as_writable_bytes(std::span(host));
    using Element = typename std::remove_cvref_t<Range>::value_type;
    return static_cast<std::remove_const_t<Element>*>(CopyBytes(bytes, bytes.data()));
  }

  // Waits until all launches have ended, and takes back what they may have written.
  void Finish() {
    for (Block& block : blocks_) {
      if (block.result == nullptr) continue;
      CHIMERA_EXPECT_OK(
          cuda::CopyToHost<std::byte>(block.pinned.span(), block.device.span(), stream_));
    }
    CHIMERA_EXPECT_OK(stream_.Synchronize());
    for (Block& block : blocks_) {
      if (block.result == nullptr || block.pinned.size() == 0) continue;
      std::memcpy(block.result, block.pinned.span().data(), block.pinned.size());
    }
  }

 private:
  struct Block {
    cuda::PinnedBuffer<std::byte> pinned;
    cuda::DeviceBuffer<std::byte> device;
    std::byte* result;  // where it is copied back to, or null
  };

  void* CopyBytes(std::span<const std::byte> host, std::byte* result) {
    Block& block =
        blocks_.emplace_back(Block{*cuda::PinnedBuffer<std::byte>::Allocate(host.size()),
                                   *cuda::DeviceBuffer<std::byte>::Allocate(host.size()), result});
    if (!host.empty()) std::memcpy(block.pinned.span().data(), host.data(), host.size());
    CHIMERA_EXPECT_OK(
        cuda::CopyToDevice<std::byte>(block.device.span(), block.pinned.span(), stream_));
    return block.device.span().device_pointer();
  }

  std::deque<Block> blocks_;
  cuda::Stream stream_;  // finishes what uses the blocks
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_GPU_DEVICE_RUN_H_
