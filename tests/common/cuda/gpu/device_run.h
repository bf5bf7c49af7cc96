// Kernels on a device, with operands and results of the host.

#ifndef CHIMERA_TESTS_COMMON_CUDA_GPU_DEVICE_RUN_H_
#define CHIMERA_TESTS_COMMON_CUDA_GPU_DEVICE_RUN_H_

#include <bit>
#include <cstddef>
#include <cstring>
#include <map>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "common/cuda/runtime/stream.h"
#include "tests/testing/gpu.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {

// Copies of the host's memory on device 0, as long as it lives. What fails is a failure of the
// test. One thread.
class DeviceRun {
 public:
  DeviceRun() : stream_(*cuda::Stream::Create()) {}
  DeviceRun(const DeviceRun&) = delete;
  DeviceRun& operator=(const DeviceRun&) = delete;
  ~DeviceRun() {
    CHIMERA_EXPECT_OK(stream_.Synchronize());
    for (Block& block : blocks_) {
      FreeMemory(block.memory.device.size()).push_back(std::move(block.memory));
    }
  }

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
      CHIMERA_EXPECT_OK(cuda::CopyToHost<std::byte>(block.pinned(), block.device(), stream_));
    }
    CHIMERA_EXPECT_OK(stream_.Synchronize());
    for (Block& block : blocks_) {
      if (block.result == nullptr) continue;
      std::memcpy(block.result, block.pinned().data(), block.size);
    }
  }

 private:
  struct Memory {
    cuda::PinnedBuffer<std::byte> pinned;
    cuda::DeviceBuffer<std::byte> device;
  };

  struct Block {
    Memory memory;      // as much or more
    size_t size;        // of what was copied
    std::byte* result;  // where it is copied back to, or null

    std::span<std::byte> pinned() { return memory.pinned.span().first(size); }
    cuda::DeviceSpan<std::byte> device() { return memory.device.span().subspan(0, size); }
  };

  // What earlier runs have left of blocks of `size`, because allocating takes longer than most of
  // what is done with it. It stays: when the process ends, the device may be gone before it.
  static std::vector<Memory>& FreeMemory(size_t size) {
    static auto* const free = new std::map<size_t, std::vector<Memory>>;
    return (*free)[size];
  }

  static Memory TakeMemory(size_t size) {
    std::vector<Memory>& free = FreeMemory(size);
    if (free.empty()) {
      return {*cuda::PinnedBuffer<std::byte>::Allocate(size),
              *cuda::DeviceBuffer<std::byte>::Allocate(size)};
    }
    Memory memory = std::move(free.back());
    free.pop_back();
    return memory;
  }

  void* CopyBytes(std::span<const std::byte> host, std::byte* result) {
    // Powers of two fit many. On an emulated device sanitizers see kernels leave their memory.
    const size_t size = DeviceIsEmulated() ? host.size() : std::bit_ceil(host.size());
    Block& block = blocks_.emplace_back(Block{TakeMemory(size), host.size(), result});
    if (!host.empty()) std::memcpy(block.pinned().data(), host.data(), host.size());
    CHIMERA_EXPECT_OK(cuda::CopyToDevice<std::byte>(block.device(), block.pinned(), stream_));
    return block.device().device_pointer();
  }

  std::vector<Block> blocks_;
  cuda::Stream stream_;  // finishes what uses the blocks
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_GPU_DEVICE_RUN_H_
