#include "common/base/check.h"
#include "common/cuda/device/primitives.h"
#include "common/cuda/launch.h"
#include "tools/gpu_bench/bench_kernels.h"

namespace chimera {
namespace {

using device::Words4;

// 128 KiB of each multiprocessor are on their way, of which memory at full speed needs some 30.
struct ReadKernel {
  using Arguments = ReadArguments;
  static constexpr int kThreads = kReadThreads;
  static constexpr int kBlocksPerMultiprocessor = kReadBlocksPerMultiprocessor;

  static CHIMERA_DEVICE void Run(const Arguments& arguments) {
    device::AllowNextLaunch();
    device::WaitForPriorLaunch();
    const auto* const source = static_cast<const Words4*>(arguments.source);
    constexpr int64_t kUnit = int64_t{kThreads} * kReadVectors;
    const int64_t units = arguments.bytes / kReadUnitBytes;
    uint32_t checksum = 0;
    for (int64_t unit = device::BlockX(); unit < units; unit += device::GridX()) {
      const Words4* const first = source + unit * kUnit + device::ThreadIndex();
      Words4 vectors[kReadVectors];
      CHIMERA_UNROLL
      for (int i = 0; i < kReadVectors; ++i)
        vectors[i] = device::LoadStreaming(first + i * kThreads);
      CHIMERA_UNROLL
      for (int i = 0; i < kReadVectors; ++i) {
        CHIMERA_UNROLL
        for (int j = 0; j < 4; ++j) checksum ^= vectors[i].word[j];
      }
    }
    arguments.checksums[int64_t{device::BlockX()} * kThreads + device::ThreadIndex()] = checksum;
  }
};

struct NothingKernel {
  struct Arguments {};
  static constexpr int kThreads = 32;
  static constexpr int kBlocksPerMultiprocessor = 1;

  static CHIMERA_DEVICE void Run(const Arguments&) {
    device::AllowNextLaunch();
    device::WaitForPriorLaunch();
  }
};

}  // namespace

absl::Status LaunchRead(StreamView stream, const ReadArguments& arguments, LaunchOrder order) {
  CHIMERA_CHECK(arguments.block_count > 0);
  CHIMERA_CHECK(arguments.bytes > 0 && arguments.bytes % kReadUnitBytes == 0) << arguments.bytes;
  return Launch<ReadKernel>(stream, {{arguments.block_count, 1, 1}, 0, order}, arguments);
}

absl::Status LaunchNothing(StreamView stream, LaunchOrder order) {
  return Launch<NothingKernel>(stream, {{1, 1, 1}, 0, order}, {});
}

}  // namespace chimera
