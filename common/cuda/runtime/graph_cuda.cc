#include <cuda_runtime_api.h>

#include <memory>

#include "common/base/status_macros.h"
#include "common/cuda/runtime/cuda_stream.h"
#include "common/cuda/runtime/graph.h"
#include "common/cuda/runtime/status_conversion.h"

namespace chimera::cuda {

class Graph::Impl {
 public:
  const cudaGraphExec_t handle;
};

namespace {

struct DestroyCapturedGraph {
  void operator()(cudaGraph_t graph) const {
    LogIfError(cudaGraphDestroy(graph), "cudaGraphDestroy");
  }
};
using CapturedGraph = std::unique_ptr<CUgraph_st, DestroyCapturedGraph>;

void Destroy(Graph::Impl* impl) {
  LogIfError(cudaGraphExecDestroy(impl->handle), "cudaGraphExecDestroy");
  delete impl;
}

}  // namespace

absl::StatusOr<Graph> Graph::Capture(Stream& stream, absl::FunctionRef<absl::Status()> record) {
  const cudaStream_t handle = CudaStream(stream);
  // Other threads go on allocating.
  CHIMERA_RETURN_IF_ERROR(ToStatus(cudaStreamBeginCapture(handle, cudaStreamCaptureModeThreadLocal),
                                   "cudaStreamBeginCapture"));
  const absl::Status recorded = record();
  cudaGraph_t graph = nullptr;
  const absl::Status ended = ToStatus(cudaStreamEndCapture(handle, &graph), "cudaStreamEndCapture");
  const CapturedGraph capture(graph);
  CHIMERA_RETURN_IF_ERROR(recorded);
  CHIMERA_RETURN_IF_ERROR(ended);

  cudaGraphExec_t executable = nullptr;
  CHIMERA_RETURN_IF_ERROR(
      ToStatus(cudaGraphInstantiate(&executable, capture.get(), 0), "cudaGraphInstantiate"));
  Graph result(ImplPointer(new Impl{executable}, &Destroy));
  // Or the first launch takes the memory that it needs, and fails where there is none.
  CHIMERA_RETURN_IF_ERROR(ToStatus(cudaGraphUpload(executable, handle), "cudaGraphUpload"));
  return result;
}

absl::Status Graph::Launch(Stream& stream) const {
  return ToStatus(cudaGraphLaunch(impl().handle, CudaStream(stream)), "cudaGraphLaunch");
}

}  // namespace chimera::cuda
