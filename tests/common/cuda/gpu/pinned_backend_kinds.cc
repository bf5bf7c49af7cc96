// In a program of their own: a library whose rows depend on the batch is refused, and all tests of
// the program are then skipped.

#include "tests/common/cuda/gpu/device_backend_kinds.h"

namespace chimera::testing {

std::vector<BackendKind> BackendKinds() { return DeviceBackendKinds(Numerics::kPinned); }

}  // namespace chimera::testing
