// What the kernel of embed_tokens.h computes, slowly and obviously.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_EMBED_TOKENS_REFERENCE_H_
#define CHIMERA_COMMON_CUDA_KERNELS_EMBED_TOKENS_REFERENCE_H_

#include "common/cuda/kernels/embed_tokens.h"

namespace chimera {

// The pointers are to host memory. All results have the kernel's bits.
void EmbedTokensKernelReference(const EmbedTokensArguments& arguments);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_EMBED_TOKENS_REFERENCE_H_
