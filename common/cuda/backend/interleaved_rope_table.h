// The table of rotary position embeddings as kernels read it.

#ifndef CHIMERA_COMMON_CUDA_BACKEND_INTERLEAVED_ROPE_TABLE_H_
#define CHIMERA_COMMON_CUDA_BACKEND_INTERLEAVED_ROPE_TABLE_H_

#include <cstdint>
#include <vector>

namespace chimera {

// [position_count, head_dim / 2, 2]: cosine and sine of each pair, those of RopeTable
// (common/ops/rope.h), as RopeAppendArguments has them.
std::vector<float> InterleavedRopeTable(int64_t position_count, int32_t head_dim, float base);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_BACKEND_INTERLEAVED_ROPE_TABLE_H_
