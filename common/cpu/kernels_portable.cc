#include "common/cpu/kernel_table.h"
#include "common/cpu/linear_portable_kernel.h"
#include "common/cpu/simd_portable.h"

namespace chimera::cpu_internal {

constinit const CpuKernels kPortableKernels = MakeKernelTable<PortableSimd, PortableTileKernel>();

}  // namespace chimera::cpu_internal
