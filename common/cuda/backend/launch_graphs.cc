#include "common/cuda/backend/launch_graphs.h"

#include <utility>

#include "absl/status/statusor.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/cuda/runtime/device_error.h"

namespace chimera {

absl::Status LaunchGraphs::Launch(int bucket, cuda::Stream& stream,
                                  absl::FunctionRef<absl::Status()> launch) {
  if (bucket > kMaxGraphRows) return launch();
  const auto found = buckets_.find(bucket);
  if (found == buckets_.end()) {
    CHIMERA_RETURN_IF_ERROR(launch());
    buckets_.try_emplace(bucket);
    return absl::OkStatus();
  }
  auto& [graph, failed_captures] = found->second;
  if (!graph.has_value() && failed_captures < kMostFailedCaptures) {
    absl::StatusOr<cuda::Graph> captured = cuda::Graph::Capture(stream, launch);
    if (captured.ok()) {
      graph = *std::move(captured);
    } else if (cuda::IsDeviceLost(captured.status())) {
      return captured.status();
    } else {
      ++failed_captures;
      // Tests on GPUs fail where they find the first words (chimera_test, scripts/lib/gpu_run.sh).
      LogWarning("launches are not captured, which makes steps slower rows={} reason={}", bucket,
                 captured.status().ToString());
    }
  }
  return graph.has_value() ? graph->Launch(stream) : launch();
}

}  // namespace chimera
