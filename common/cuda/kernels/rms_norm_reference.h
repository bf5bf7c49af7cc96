// What the kernel of rms_norm.h computes, slowly and obviously.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_RMS_NORM_REFERENCE_H_
#define CHIMERA_COMMON_CUDA_KERNELS_RMS_NORM_REFERENCE_H_

#include <cstdint>

#include "common/cuda/kernels/rms_norm.h"

namespace chimera {

// The pointers are to host memory. The residual gets the kernel's bits. The output is computed in
// double and rounded once to bf16: the kernel's is the same or a neighbour of it.
void RmsNormKernelReference(const RmsNormArguments<float>& arguments);
void RmsNormKernelReference(const RmsNormArguments<uint16_t>& arguments);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_RMS_NORM_REFERENCE_H_
