#include "tests/common/backend/backend_harness.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/base/check.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tree_path.h"

namespace chimera::testing {

std::unique_ptr<LlamaModel> OpenTinyLlama(const TinyLlamaOptions& options) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/tiny.gguf";
  WriteTinyLlama(path, options);
  absl::StatusOr<std::unique_ptr<LlamaModel>> model = LlamaModel::Open(path);
  CHIMERA_CHECK(model.ok()) << model.status();
  return *std::move(model);
}

StepResult RunStep(Backend* backend, const StepBatch& batch) {
  const absl::Status status = backend->Submit(batch);
  CHIMERA_CHECK(status.ok()) << status;
  const absl::StatusOr<const StepResult*> result = backend->Wait();
  CHIMERA_CHECK(result.ok()) << result.status();
  return **result;
}

StepResult RunStep(Backend* backend, const SequenceStep& step) {
  return RunStep(backend, StepBatch{.sequences = std::span(&step, 1)});
}

std::span<const float> LogitsOf(const StepResult& result, int row, int32_t vocab_size) {
  const int32_t index = result.logits_row[row];
  CHIMERA_CHECK(index >= 0) << "row " << row << " has no logits";
  return std::span(result.logits).subspan(int64_t{index} * vocab_size, vocab_size);
}

std::vector<int32_t> RandomTokens(int count, int32_t vocab_size, std::mt19937* random) {
  std::vector<int32_t> tokens(count);
  for (int32_t& token : tokens) token = static_cast<int32_t>((*random)() % vocab_size);
  return tokens;
}

TokenTree RandomTree(int size, int32_t root, int32_t vocab_size, std::mt19937* random) {
  std::vector<int32_t> tokens = {root}, parents = {-1}, depths = {0};
  while (static_cast<int>(tokens.size()) < size) {
    // Most of them among the newest nodes, so that trees get deep.
    const int32_t nodes = static_cast<int32_t>(tokens.size());
    const int32_t window = (*random)() % 4 != 0 ? std::min(nodes, 2) : nodes;
    const int32_t parent = nodes - 1 - static_cast<int32_t>((*random)() % window);
    if (depths[parent] == TokenTree::kMaxDepth) continue;
    tokens.push_back((nodes * 7 + root) % vocab_size);  // all different
    parents.push_back(parent);
    depths.push_back(depths[parent] + 1);
  }
  absl::StatusOr<TokenTree> tree = TokenTree::Create(tokens, parents, vocab_size);
  CHIMERA_CHECK(tree.ok()) << tree.status();
  return *std::move(tree);
}

std::vector<int32_t> PathTokens(const TokenTree& tree, int node) {
  std::vector<int32_t> tokens;
  for (const int at : PathNodes(tree, node)) tokens.push_back(tree.token(at));
  return tokens;
}

std::vector<int32_t> PageTable(int count, int32_t first) {
  std::vector<int32_t> pages(count);
  std::iota(pages.begin(), pages.end(), first);
  return pages;
}

StepResult Prefill(Backend* backend, std::span<const int32_t> pages,
                   std::span<const int32_t> tokens, int chunk_size) {
  StepResult result;
  for (size_t begin = 0; begin < tokens.size(); begin += chunk_size) {
    const size_t size = std::min<size_t>(chunk_size, tokens.size() - begin);
    result = RunStep(backend, SequenceStep{.pages = pages,
                                           .context_length = static_cast<int32_t>(begin),
                                           .chunk = tokens.subspan(begin, size),
                                           .outputs = {.logits = true}});
  }
  return result;
}

}  // namespace chimera::testing
