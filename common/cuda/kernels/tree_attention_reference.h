// What the kernels of tree_attention.h compute, slowly and obviously.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_TREE_ATTENTION_REFERENCE_H_
#define CHIMERA_COMMON_CUDA_KERNELS_TREE_ATTENTION_REFERENCE_H_

#include <span>
#include <vector>

#include "common/cuda/kernels/attention_plan.h"
#include "common/cuda/kernels/tree_attention.h"

namespace chimera {

// The KV slots of what row `row` of a sequence sees, in order of position.
std::vector<int> VisibleKvSlots(const AttentionSequence& sequence, int row);

// In double, for all rows of the sequences: the output [rows, head_count * head_dim], before it is
// rounded to bf16; 0 for rows of no sequence. Of the arguments, whose pointers are to host memory,
// plan, workspace and output are not used.
std::vector<double> TreeAttentionReference(const TreeAttentionArguments& arguments,
                                           std::span<const AttentionSequence> sequences, int rows);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_TREE_ATTENTION_REFERENCE_H_
