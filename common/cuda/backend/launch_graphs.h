// Kernel launches captured for each number of rows.

#ifndef CHIMERA_COMMON_CUDA_BACKEND_LAUNCH_GRAPHS_H_
#define CHIMERA_COMMON_CUDA_BACKEND_LAUNCH_GRAPHS_H_

#include <bit>
#include <map>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "common/cuda/runtime/graph.h"
#include "common/cuda/runtime/stream.h"

namespace chimera {

// With more rows than this, the device is busy for so long that single launches keep up.
inline constexpr int kMaxGraphRows = 64;

// Of a bucket. A device that is out of memory now may have some later; one that refuses will not
// change its mind.
inline constexpr int kMostFailedCaptures = 3;

// The rows that so many are computed with, the last being padding. Buckets do not change bits.
inline int RowBucket(int row_count) {
  return row_count > kMaxGraphRows
             ? row_count
             : static_cast<int>(std::bit_ceil(static_cast<unsigned>(row_count)));
}

// One graph per bucket. One thread at a time.
class LaunchGraphs {
 public:
  // Gives what `launch` gives to the stream, always the same for a bucket, with what Graph::Capture
  // requires. It is captured when the bucket is seen for the second time. The first launches bring
  // kernels' code to the device, as CUDA loads modules lazily, and libraries prepare for their
  // first call; both may wait for the device or allocate, which a capture does not allow. So
  // nothing needs to know what there is to load, for the price of one step of single launches.
  // Where a capture fails, unless the device is lost, the launches go to the stream one by one; a
  // bucket whose captures have failed kMostFailedCaptures times keeps to that until Clear().
  absl::Status Launch(int bucket, cuda::Stream& stream, absl::FunctionRef<absl::Status()> launch);

  // Forgets what was captured, for other launches.
  void Clear() { buckets_.clear(); }

 private:
  struct Bucket {
    std::optional<cuda::Graph> graph;
    int failed_captures = 0;
  };

  std::map<int, Bucket> buckets_;  // those seen
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_BACKEND_LAUNCH_GRAPHS_H_
