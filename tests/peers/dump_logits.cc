// Writes a model's logits for given tokens: the C++ side of compare_logits.py.
//
//   dump_logits MODEL <SEQUENCES >LOGITS
//
// MODEL is a GGUF file or a Hugging Face folder. Each input line is a JSON array of token ids, one
// sequence. For each, fp32 [n_tokens, vocab_size] in the machine's byte order is written: the
// logits after every token. They are computed as in verification: chains of a root and candidates,
// committed whole.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/backend/backend_factory.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/model/llama_model.h"
#include "common/tree/token_tree.h"

namespace chimera {
namespace {

constexpr int kChainNodes = TokenTree::kMaxDepth + 1;
constexpr int kMaxPositions = 2048;

absl::Status WriteRows(const std::vector<float>& logits) {
  if (std::fwrite(logits.data(), sizeof(float), logits.size(), stdout) != logits.size()) {
    return absl::DataLossError("cannot write to standard output");
  }
  return absl::OkStatus();
}

// Runs `tokens`, the sequence's next at position `context_length`, and keeps their K/V.
absl::Status RunChain(std::span<const int32_t> tokens, int context_length,
                      std::span<const int32_t> pages, Backend& backend) {
  std::vector<int32_t> parents(tokens.size());
  std::iota(parents.begin(), parents.end(), -1);
  CHIMERA_ASSIGN_OR_RETURN(const TokenTree tree,
                           TokenTree::Create(tokens, parents, backend.config().vocab_size));
  SequenceStep step;
  step.pages = pages;
  step.context_length = context_length;
  step.tree = &tree;
  step.outputs.logits = true;
  CHIMERA_RETURN_IF_ERROR(backend.Submit({.sequences = {&step, 1}, .tapped_layers = {}}));
  CHIMERA_ASSIGN_OR_RETURN(const StepResult* result, backend.Wait());
  CHIMERA_RETURN_IF_ERROR(WriteRows(result->logits));
  std::vector<int> nodes(tokens.size());
  std::iota(nodes.begin(), nodes.end(), 0);
  const CommitRequest commit{
      .slot = 0, .pages = pages, .context_length = context_length, .nodes = nodes};
  return backend.Commit({&commit, 1});
}

absl::Status RunSequence(std::span<const int32_t> tokens, Backend& backend) {
  if (tokens.size() > kMaxPositions) {
    return absl::InvalidArgumentError("a sequence is longer than 2048 tokens");
  }
  std::vector<int32_t> pages(kMaxPositions / kPagePositions);
  std::iota(pages.begin(), pages.end(), 0);
  for (size_t start = 0; start < tokens.size(); start += kChainNodes) {
    const auto chain = tokens.subspan(start, std::min<size_t>(kChainNodes, tokens.size() - start));
    CHIMERA_RETURN_IF_ERROR(RunChain(chain, static_cast<int>(start), pages, backend));
  }
  std::fflush(stdout);
  return absl::OkStatus();
}

absl::Status Run(const std::string& model_path) {
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<LlamaModel> model, LlamaModel::Open(model_path));
  BackendOptions options;
  CHIMERA_ASSIGN_OR_RETURN(options.threads, ThreadPool::Create(UsableProcessors()));
  options.limits = {
      .page_count = kMaxPositions / kPagePositions, .slot_count = 1, .max_step_rows = kChainNodes};
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<Backend> backend, CreateBackend(*model, options));
  for (std::string line; std::getline(std::cin, line);) {
    const nlohmann::json ids = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!ids.is_array()) return absl::InvalidArgumentError("a line is not an array of token ids");
    CHIMERA_RETURN_IF_ERROR(RunSequence(ids.get<std::vector<int32_t>>(), *backend));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace chimera

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: dump_logits MODEL <SEQUENCES >LOGITS\n"
                 "MODEL is a GGUF file or a Hugging Face folder.\n";
    return 2;
  }
  const absl::Status status = chimera::Run(argv[1]);
  if (!status.ok()) std::cerr << "dump_logits: " << status << "\n";
  return status.ok() ? 0 : 1;
}
