// What the kernel of gather_rows.h computes, slowly and obviously.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_GATHER_ROWS_REFERENCE_H_
#define CHIMERA_COMMON_CUDA_KERNELS_GATHER_ROWS_REFERENCE_H_

#include "common/cuda/kernels/gather_rows.h"

namespace chimera {

// The pointers are to host memory. All results have the kernel's bits.
void GatherRowsKernelReference(const GatherRowsArguments& arguments);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_GATHER_ROWS_REFERENCE_H_
