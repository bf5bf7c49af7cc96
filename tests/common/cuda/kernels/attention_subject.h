// The rows of a tree's nodes, computed in different company, to be compared bit by bit.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_ATTENTION_SUBJECT_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_ATTENTION_SUBJECT_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "common/tree/token_tree.h"
#include "tests/common/cuda/kernels/attention_step.h"

namespace chimera::testing {

// Computes a step's rows, on whatever device; the seed is of what must not matter.
using AttentionStepRunner = std::function<std::vector<AttentionRowResult>(
    AttentionStep* step, uint32_t seed, const AttentionRunOptions& options)>;

struct AttentionSubject {
  AttentionHeads heads;
  int context_length = 0;
  TokenTree tree = TokenTree::RootOnly(0);
  AttentionRunOptions options;
  AttentionStepRunner run;
};

// Of all nodes, in a step of their own or among others.
std::vector<AttentionRowResult> RowsOfTree(const AttentionSubject& subject, uint32_t seed,
                                           int mates);

// Of the last `count` tokens of the text that ends with `node`, as a chunk.
std::vector<AttentionRowResult> RowsOfChunk(const AttentionSubject& subject, int node, int count,
                                            uint32_t seed);

// How many of some nodes' rows, every `node_step`th, differ from those that plain decoding or
// prefill computes.
int CountDifferences(const AttentionSubject& subject, int node_step = 5);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_ATTENTION_SUBJECT_H_
