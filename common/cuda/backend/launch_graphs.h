// Kernel launches captured once for each number of rows.

#ifndef CHIMERA_COMMON_CUDA_BACKEND_LAUNCH_GRAPHS_H_
#define CHIMERA_COMMON_CUDA_BACKEND_LAUNCH_GRAPHS_H_

#include <bit>
#include <map>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "common/base/status_macros.h"
#include "common/cuda/runtime/graph.h"
#include "common/cuda/runtime/stream.h"

namespace chimera {

// With more rows than this, the device is busy for so long that single launches keep up.
inline constexpr int kMaxGraphRows = 64;

// The rows that so many are computed with, the last being padding. Buckets do not change bits.
inline int RowBucket(int row_count) {
  return row_count > kMaxGraphRows
             ? row_count
             : static_cast<int>(std::bit_ceil(static_cast<unsigned>(row_count)));
}

// One graph per bucket. One thread at a time.
class LaunchGraphs {
 public:
  // Gives what `launch` gives to the stream, always the same for a bucket; captured when the bucket
  // is seen first, with what Graph::Capture requires.
  absl::Status Launch(int bucket, cuda::Stream& stream, absl::FunctionRef<absl::Status()> launch) {
    if (bucket > kMaxGraphRows) return launch();
    auto graph = graphs_.find(bucket);
    if (graph == graphs_.end()) {
      CHIMERA_ASSIGN_OR_RETURN(cuda::Graph captured, cuda::Graph::Capture(stream, launch));
      graph = graphs_.emplace(bucket, std::move(captured)).first;
    }
    return graph->second.Launch(stream);
  }

  // Forgets what was captured, for other launches.
  void Clear() { graphs_.clear(); }

 private:
  std::map<int, cuda::Graph> graphs_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_BACKEND_LAUNCH_GRAPHS_H_
