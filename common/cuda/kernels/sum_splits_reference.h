// What the kernel of sum_splits.h computes, slowly and obviously.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_SUM_SPLITS_REFERENCE_H_
#define CHIMERA_COMMON_CUDA_KERNELS_SUM_SPLITS_REFERENCE_H_

#include "common/cuda/kernels/sum_splits.h"

namespace chimera {

// The pointers are to host memory. All results have the kernel's bits.
void SumSplitsKernelReference(const SumSplitsArguments& arguments);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_SUM_SPLITS_REFERENCE_H_
