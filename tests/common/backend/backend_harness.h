// Small models, and steps on a backend in one line each.

#ifndef CHIMERA_TESTS_COMMON_BACKEND_BACKEND_HARNESS_H_
#define CHIMERA_TESTS_COMMON_BACKEND_BACKEND_HARNESS_H_

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "common/backend/backend.h"
#include "common/model/llama_model.h"
#include "tests/testing/tiny_llama.h"

namespace chimera::testing {

// Writes the model to a temporary file and opens it.
std::unique_ptr<LlamaModel> OpenTinyLlama(const TinyLlamaOptions& options);

// Submits and waits; a status that is not OK ends the test program.
StepResult RunStep(Backend* backend, const StepBatch& batch);
StepResult RunStep(Backend* backend, const SequenceStep& step);

// Row `row` of the logits.
std::span<const float> LogitsOf(const StepResult& result, int row, int32_t vocab_size);

std::vector<int32_t> RandomTokens(int count, int32_t vocab_size, std::mt19937* random);

// A random valid tree of `size` nodes with this root.
TokenTree RandomTree(int size, int32_t root, int32_t vocab_size, std::mt19937* random);

// The tokens from the root to `node`.
std::vector<int32_t> PathTokens(const TokenTree& tree, int node);

// Page ids first, first + 1, ...
std::vector<int32_t> PageTable(int count, int32_t first = 0);

// Feeds `tokens` from position 0 in chunks of `chunk_size`, with these pages, and returns the
// result of the last chunk, with logits.
StepResult Prefill(Backend* backend, std::span<const int32_t> pages,
                   std::span<const int32_t> tokens, int chunk_size);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_BACKEND_BACKEND_HARNESS_H_
