// The residual stream's first value: each token's row of the embedding table.

#ifndef CHIMERA_COMMON_CUDA_KERNELS_EMBED_TOKENS_H_
#define CHIMERA_COMMON_CUDA_KERNELS_EMBED_TOKENS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "common/cuda/launch_shape.h"
#include "common/cuda/stream_view.h"

namespace chimera {

// All pointers are to device memory, aligned to 16 bytes, `tokens` to 4.
struct EmbedTokensArguments {
  int row_count = 0;                // at least 1
  int size = 0;                     // elements of a row: a multiple of 4
  const uint16_t* table = nullptr;  // [vocabulary, size] bf16
  const int32_t* tokens = nullptr;  // [row_count], each of the vocabulary, or -1: a row of zeros
  float* residual = nullptr;        // [row_count, size]
};

// residual = table[token], widened: exact.
absl::Status LaunchEmbedTokens(StreamView stream, const EmbedTokensArguments& arguments,
                               LaunchOrder order = LaunchOrder::kAfterPriorLaunch);

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_KERNELS_EMBED_TOKENS_H_
