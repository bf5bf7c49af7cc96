// The steps that the benchmark takes, and their parts in common.

#ifndef CHIMERA_TOOLS_CPU_BENCH_BENCH_STEPS_H_
#define CHIMERA_TOOLS_CPU_BENCH_BENCH_STEPS_H_

#include <cstdint>
#include <vector>

#include "common/backend/backend.h"
#include "common/tree/token_tree.h"

namespace chimera {

// Rows of the steps and products that are timed.
inline constexpr int kBenchRowCounts[] = {1, 2, 4, 8, 16, 32, 64};

// `count` tokens in [0, vocab_size), neighbours different.
std::vector<int32_t> BenchTokens(int count, int32_t vocab_size);

// A binary tree of `size` nodes, at most TokenTree::kMaxNodes. REQUIRES: vocab_size > 2.
TokenTree BenchTree(int size, int32_t vocab_size);

// The pages 0 .. count - 1, in order.
std::vector<int32_t> BenchPages(int32_t count);

// Runs `step` alone; the result is valid until the backend's next step. REQUIRES: the step is
// valid.
const StepResult& RunStep(Backend* backend, const SequenceStep& step);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CPU_BENCH_BENCH_STEPS_H_
