// What the kernel of silu.h computes, slowly and obviously.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_SILU_REFERENCE_H_
#define CHIMERA_COMMON_CUDA_KERNELS_SILU_REFERENCE_H_

#include "common/cuda/kernels/silu.h"

namespace chimera {

// The pointers are to host memory. The output is computed in double from the kernel's sum and
// rounded once to bf16: the kernel's is the same or a neighbour of it, as long as exp(-x) is a
// finite number of fp32.
void SiluKernelReference(const SiluArguments& arguments);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_SILU_REFERENCE_H_
