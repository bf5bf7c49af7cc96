#include "common/cuda/cuda_status.h"

#include "absl/strings/str_cat.h"

namespace chimera {
namespace {

absl::StatusCode CodeOf(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return absl::StatusCode::kOk;
    case cudaErrorMemoryAllocation:
    case cudaErrorLaunchOutOfResources:
      return absl::StatusCode::kResourceExhausted;
    case cudaErrorInvalidValue:
    case cudaErrorInvalidConfiguration:
      return absl::StatusCode::kInvalidArgument;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

absl::Status CudaStatus(cudaError_t error, std::string_view what) {
  if (error == cudaSuccess) return absl::OkStatus();
  cudaGetLastError();  // or a later call would report this one
  return {CodeOf(error),
          absl::StrCat(absl::string_view(what.data(), what.size()), ": ", cudaGetErrorName(error),
                       " (", cudaGetErrorString(error), ")")};
}

}  // namespace chimera
