// What the kernel of fragment_gemm.h computes, slowly and obviously.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_REFERENCE_H_
#define CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_REFERENCE_H_

#include "common/cuda/kernels/fragment_gemm.h"

namespace chimera {

// The pointers are to host memory. Each sum over a split is computed in double and rounded once to
// fp32; splits are added up as the kernel does.
void FragmentGemmReference(const FragmentGemmArguments& arguments);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_FRAGMENT_GEMM_REFERENCE_H_
