// The operands and results of embed_tokens.h in memory of the host.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_EMBED_TOKENS_OPERANDS_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_EMBED_TOKENS_OPERANDS_H_

#include <random>
#include <vector>

#include "common/cuda/kernels/embed_tokens.h"
#include "common/cuda/kernels/embed_tokens_reference.h"
#include "tests/common/cuda/kernels/row_checks.h"

namespace chimera::testing {

// Rows of the table.
inline constexpr int kEmbeddedVocabulary = 50;

// As row_checks.h asks.
struct EmbedTokensOperands {
  using Arguments = EmbedTokensArguments;

  int size = 0;
  std::vector<uint16_t> table;
  std::vector<int32_t> tokens;
  std::vector<float> residual;

  int row_count() const { return static_cast<int>(tokens.size()); }
  template <typename Memory>
  Arguments ArgumentsIn(Memory&& memory) {
    return {row_count(), size, memory.Copy(table), memory.Copy(tokens),
            memory.CopyBothWays(residual)};
  }
  Arguments KernelArguments() { return ArgumentsIn(HostMemory()); }
  EmbedTokensOperands Select(const std::vector<int>& rows) const {
    return {size, table, SelectRows(tokens, 1, row_count(), rows),
            SelectRows(residual, 1, row_count(), rows)};
  }
  std::vector<float> RowResult(int row) const {
    return SelectRows(residual, 1, row_count(), {row});
  }
  bool operator==(const EmbedTokensOperands&) const = default;
};

// One row in four is padding.
inline EmbedTokensOperands RandomEmbedTokensOperands(int row_count, int size) {
  std::mt19937 random(row_count + size);
  EmbedTokensOperands operands = {
      size, RandomBf16(size_t{kEmbeddedVocabulary} * size, &random), {}, {}};
  for (int row = 0; row < row_count; ++row) {
    operands.tokens.push_back(row % 4 == 3 ? -1 : static_cast<int>(random() % kEmbeddedVocabulary));
  }
  operands.residual.resize(static_cast<size_t>(row_count) * size, -1.0f);
  return operands;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_EMBED_TOKENS_OPERANDS_H_
