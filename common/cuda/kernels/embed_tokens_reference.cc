#include "common/cuda/kernels/embed_tokens_reference.h"

#include "common/base/float16.h"

namespace chimera {

void EmbedTokensKernelReference(const EmbedTokensArguments& arguments) {
  const int64_t size = arguments.size;
  for (int64_t row = 0; row < arguments.row_count; ++row) {
    const int64_t token = arguments.tokens[row];
    for (int64_t i = 0; i < size; ++i) {
      arguments.residual[row * size + i] =
          token < 0 ? 0.0f : Bf16ToFloat(arguments.table[token * size + i]);
    }
  }
}

}  // namespace chimera
