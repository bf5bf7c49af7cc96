// What the kernel of window_attention.h computes, slowly and obviously.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_WINDOW_ATTENTION_REFERENCE_H_
#define CHIMERA_COMMON_CUDA_KERNELS_WINDOW_ATTENTION_REFERENCE_H_

#include <vector>

#include "common/cuda/kernels/window_attention.h"

namespace chimera {

// In double: the output [row_count, head_count * head_dim], before it is rounded to bf16. The
// pointers are to host memory; the output is not used.
std::vector<double> WindowAttentionReference(const WindowAttentionArguments& arguments);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_WINDOW_ATTENTION_REFERENCE_H_
