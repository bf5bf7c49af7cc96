#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/backend/cuda_backend_creation.h"

namespace chimera {
namespace {

absl::Status NoCuda(int device) {
  return absl::UnimplementedError(
      absl::StrCat("device \"cuda:", device,
                   "\": this program was built without CUDA (CMake option CHIMERA_CUDA)"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Backend>> CreateCudaBackend(const LlamaModel&, const BackendOptions&,
                                                           int device) {
  return NoCuda(device);
}

absl::StatusOr<std::unique_ptr<DraftNetwork>> CreateCudaDraftNetwork(const DraftNetworkModel&,
                                                                     int device, int32_t,
                                                                     ThreadPool*) {
  return NoCuda(device);
}

}  // namespace chimera
