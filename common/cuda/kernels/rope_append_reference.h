// What the kernel of rope_append.h computes, slowly and obviously.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_ROPE_APPEND_REFERENCE_H_
#define CHIMERA_COMMON_CUDA_KERNELS_ROPE_APPEND_REFERENCE_H_

#include "common/cuda/kernels/rope_append.h"

namespace chimera {

// The pointers are to host memory. All results have the kernel's bits.
void RopeAppendKernelReference(const RopeAppendArguments& arguments);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_ROPE_APPEND_REFERENCE_H_
