// What the kernel of gather_hidden_states.h computes, slowly and obviously.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_GATHER_HIDDEN_STATES_REFERENCE_H_
#define CHIMERA_COMMON_CUDA_KERNELS_GATHER_HIDDEN_STATES_REFERENCE_H_

#include "common/cuda/kernels/gather_hidden_states.h"

namespace chimera {

// The pointers are to host memory. All results have the kernel's bits.
void GatherHiddenStatesKernelReference(const GatherHiddenStatesArguments& arguments);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_GATHER_HIDDEN_STATES_REFERENCE_H_
