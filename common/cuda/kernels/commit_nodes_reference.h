// What the kernel of commit_nodes.h computes, slowly and obviously.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_COMMIT_NODES_REFERENCE_H_
#define CHIMERA_COMMON_CUDA_KERNELS_COMMIT_NODES_REFERENCE_H_

#include "common/cuda/kernels/commit_nodes.h"

namespace chimera {

// The pointers are to host memory. All results have the kernel's bits.
void CommitNodesKernelReference(const CommitNodesArguments& arguments);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_COMMIT_NODES_REFERENCE_H_
