// What the kernel of add_norm.h computes, slowly and obviously.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ADD_NORM_REFERENCE_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ADD_NORM_REFERENCE_H_

#include "common/cuda/kernels/add_norm.h"

namespace chimera {

// The pointers are to host memory. Sums have the kernel's bits. The output is computed in double
// and rounded once to bf16: the kernel's is the same or a neighbour of it.
void AddNormKernelReference(const AddNormArguments& arguments);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ADD_NORM_REFERENCE_H_
