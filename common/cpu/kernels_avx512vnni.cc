#include "common/cpu/kernel_table.h"
#include "common/cpu/linear_avx512vnni_kernel.h"
#include "common/cpu/simd_avx512.h"

namespace chimera::cpu_internal {

constinit const CpuKernels kAvx512VnniKernels = MakeKernelTable<Avx512Simd, VnniTileKernel>();

}  // namespace chimera::cpu_internal
