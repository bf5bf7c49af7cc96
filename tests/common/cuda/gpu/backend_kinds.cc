#include "tests/common/cuda/gpu/device_backend_kinds.h"

namespace chimera::testing {

std::vector<BackendKind> BackendKinds() { return DeviceBackendKinds(Numerics::kStrict); }

}  // namespace chimera::testing
