#include "common/cpu/kernel_table.h"
#include "common/cpu/linear_avx2_kernel.h"
#include "common/cpu/simd_avx2.h"

namespace chimera::cpu_internal {

constinit const CpuKernels kAvx2Kernels = MakeKernelTable<Avx2Simd, Avx2TileKernel>();

}  // namespace chimera::cpu_internal
