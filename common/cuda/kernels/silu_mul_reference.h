// What the kernel of silu_mul.h computes, slowly and obviously.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_SILU_MUL_REFERENCE_H_
#define CHIMERA_COMMON_CUDA_KERNELS_SILU_MUL_REFERENCE_H_

#include "common/cuda/kernels/silu_mul.h"

namespace chimera {

// The pointers are to host memory. Gate and up are summed as by the kernel. The output is computed
// in double and rounded once to bf16: the kernel's is the same or a neighbour of it, as long as
// exp(-gate) is a finite number of fp32.
void SiluMulKernelReference(const SiluMulArguments& arguments);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_SILU_MUL_REFERENCE_H_
