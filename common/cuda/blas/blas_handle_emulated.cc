#include "common/base/status_macros.h"
#include "common/cuda/blas/emulated_blas_handle.h"
#include "common/cuda/runtime/emulated_machine.h"

namespace chimera::cuda {

absl::StatusOr<BlasHandle> BlasHandle::Create() {
  CheckNotCapturing("a BLAS handle is created");
  const int device = ThisThread().device;
  CHIMERA_RETURN_IF_ERROR(LockedMachine()->BeginCall(device));
  return BlasHandle(ImplPointer(new Impl{device}));
}

std::string BlasHandle::description() const { return "emulated"; }

}  // namespace chimera::cuda
