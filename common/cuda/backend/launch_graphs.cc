#include "common/cuda/backend/launch_graphs.h"

#include <utility>

#include "absl/status/statusor.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"

namespace chimera {

absl::Status LaunchGraphs::Launch(int bucket, cuda::Stream& stream,
                                  absl::FunctionRef<absl::Status()> launch) {
  if (bucket > kMaxGraphRows) return launch();
  const auto found = graphs_.find(bucket);
  if (found == graphs_.end()) {
    CHIMERA_RETURN_IF_ERROR(launch());
    graphs_.try_emplace(bucket);
    return absl::OkStatus();
  }
  Bucket& state = found->second;
  if (std::holds_alternative<Uncaptured>(state)) {
    absl::StatusOr<cuda::Graph> graph = cuda::Graph::Capture(stream, launch);
    if (graph.ok()) {
      state = *std::move(graph);
    } else {
      // What is wrong with the launches themselves shows now, as an error of this step.
      CHIMERA_RETURN_IF_ERROR(launch());
      state = Refused();
      LogWarning("launches of a step are not captured, which makes it slower rows={} error={}",
                 bucket, graph.status().ToString());
      return absl::OkStatus();
    }
  }
  if (std::holds_alternative<Refused>(state)) return launch();
  return std::get<cuda::Graph>(state).Launch(stream);
}

}  // namespace chimera
