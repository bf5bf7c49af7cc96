#include "absl/strings/str_cat.h"
#include "common/backend/cuda_backend_creation.h"

namespace chimera {

absl::StatusOr<std::unique_ptr<Backend>> CreateCudaBackend(const LlamaModel&, const BackendOptions&,
                                                           int device) {
  return absl::UnimplementedError(
      absl::StrCat("device \"cuda:", device,
                   "\": this program was built without CUDA (CMake option CHIMERA_CUDA)"));
}

}  // namespace chimera
