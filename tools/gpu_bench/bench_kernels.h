// Kernels that do nothing but what is to be measured.

#ifndef CHIMERA_TOOLS_GPU_BENCH_BENCH_KERNELS_H_
#define CHIMERA_TOOLS_GPU_BENCH_BENCH_KERNELS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera {

// Threads of a block that reads, the blocks that a multiprocessor runs at a time, and the vectors
// of 16 bytes that each thread has on their way at a time.
inline constexpr int kReadThreads = 256;
inline constexpr int kReadBlocksPerMultiprocessor = 4;
inline constexpr int kReadVectors = 8;

// A source is a multiple of so many bytes.
inline constexpr int64_t kReadUnitBytes = int64_t{16} * kReadThreads * kReadVectors;

// All pointers are to device memory, aligned to 16 bytes.
struct ReadArguments {
  int block_count = 0;            // at least 1
  int64_t bytes = 0;              // a positive multiple of kReadUnitBytes
  const void* source = nullptr;   // [bytes]
  uint32_t* checksums = nullptr;  // [block_count * kReadThreads]
};

// Reads all of the source once. The exclusive or of all checksums is that of all its words of 32
// bits.
absl::Status LaunchRead(StreamView stream, const ReadArguments& arguments,
                        LaunchOrder order = LaunchOrder::kAfterPriorLaunch);

// One block that does nothing but wait for the prior launch.
absl::Status LaunchNothing(StreamView stream, LaunchOrder order = LaunchOrder::kAfterPriorLaunch);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_BENCH_KERNELS_H_
