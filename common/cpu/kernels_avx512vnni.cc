#include "common/cpu/kernel_table.h"
#include "common/cpu/linear_avx512vnni_kernel.h"
#include "common/cpu/simd_avx2.h"

// Everything but the integer dot products is fast enough in the lanes of AVX2.
namespace chimera::cpu_internal {

constinit const CpuKernels kAvx512VnniKernels =
    MakeKernelTable<Avx2Simd<CpuIsa::kAvx512Vnni>, VnniTileKernel>();

}  // namespace chimera::cpu_internal
