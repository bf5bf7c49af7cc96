#include "tools/cpu_bench/bench_steps.h"

#include <numeric>

#include "absl/status/statusor.h"
#include "common/base/check.h"

namespace chimera {

std::vector<int32_t> BenchTokens(int count, int32_t vocab_size) {
  std::vector<int32_t> tokens(count);
  for (int i = 0; i < count; ++i) tokens[i] = i % vocab_size;
  return tokens;
}

TokenTree BenchTree(int size, int32_t vocab_size) {
  std::vector<int32_t> parents(size, -1);
  for (int node = 1; node < size; ++node) parents[node] = (node - 1) / 2;
  absl::StatusOr<TokenTree> tree =
      TokenTree::Create(BenchTokens(size, vocab_size), parents, vocab_size);
  CHIMERA_CHECK(tree.ok()) << tree.status();
  return *std::move(tree);
}

std::vector<int32_t> BenchPages(int32_t count) {
  std::vector<int32_t> pages(count);
  std::iota(pages.begin(), pages.end(), 0);
  return pages;
}

const StepResult& RunStep(Backend* backend, const SequenceStep& step) {
  const absl::Status status = backend->Submit({.sequences = std::span(&step, 1)});
  CHIMERA_CHECK(status.ok()) << status;
  const absl::StatusOr<const StepResult*> result = backend->Wait();
  CHIMERA_CHECK(result.ok()) << result.status();
  return **result;
}

}  // namespace chimera
