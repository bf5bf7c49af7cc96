// Decoding with trees on a backend, without engine or drafter: the shortest loop that does it.

#ifndef CHIMERA_TESTS_COMMON_BACKEND_SPECULATIVE_LOOP_H_
#define CHIMERA_TESTS_COMMON_BACKEND_SPECULATIVE_LOOP_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "common/backend/backend.h"
#include "common/base/check.h"
#include "common/tree/acceptance_walk.h"
#include "tests/common/backend/backend_harness.h"

namespace chimera::testing {

// Proposes a tree with this root; `generated` are the tokens so far, the root being the last.
using DraftFunction = std::function<TokenTree(int32_t root, const std::vector<int32_t>& generated)>;

struct Generation {
  std::vector<int32_t> tokens;
  int steps = 0;
};

// Continues `prompt` by at least `token_count` tokens and returns that many.
inline Generation Generate(Backend* backend, const std::vector<int32_t>& prompt,
                           const SamplingParams& sampling, int token_count,
                           const DraftFunction& draft) {
  const std::vector<int32_t> pages = PageTable(backend->limits().page_count);
  Generation generation;
  int32_t context_length = static_cast<int32_t>(prompt.size());
  const StepResult first =
      RunStep(backend, SequenceStep{.pages = pages, .chunk = prompt, .sampling = sampling});
  generation.tokens.push_back(first.chosen.back());
  while (static_cast<int>(generation.tokens.size()) < token_count) {
    const TokenTree tree = draft(generation.tokens.back(), generation.tokens);
    const StepResult result = RunStep(
        backend,
        SequenceStep{
            .pages = pages, .context_length = context_length, .tree = &tree, .sampling = sampling});
    const AcceptedPath path = WalkAcceptedPath(tree, result.chosen);
    const CommitRequest commit = {
        .pages = pages, .context_length = context_length, .nodes = path.nodes};
    const absl::Status status = backend->Commit(std::span(&commit, 1));
    CHIMERA_CHECK(status.ok()) << status;
    context_length += static_cast<int32_t>(path.nodes.size());
    generation.tokens.insert(generation.tokens.end(), path.tokens.begin(), path.tokens.end());
    ++generation.steps;
  }
  generation.tokens.resize(token_count);
  return generation;
}

// Plain decoding.
inline TokenTree DraftNothing(int32_t root, const std::vector<int32_t>&) {
  return TokenTree::RootOnly(root);
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_BACKEND_SPECULATIVE_LOOP_H_
