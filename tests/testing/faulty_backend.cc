#include "tests/testing/faulty_backend.h"

#include <utility>

#include "common/base/status_macros.h"

namespace chimera::testing {
namespace {

// The tree with every node that has an elder sibling hung below that sibling, as far as depth
// allows.
TokenTree HangBelowSiblings(const TokenTree& tree, int32_t vocab_size) {
  std::vector<int32_t> parents = {-1};
  std::vector<int32_t> eldest(tree.size(), -1);  // eldest child of each node
  for (int node = 1; node < tree.size(); ++node) {
    int32_t parent = tree.parent(node);
    if (eldest[parent] >= 0) {
      parent = eldest[parent];
    } else {
      eldest[parent] = node;
    }
    parents.push_back(parent);
  }
  const absl::StatusOr<TokenTree> changed = TokenTree::Create(tree.tokens(), parents, vocab_size);
  return changed.ok() ? *changed : tree;
}

}  // namespace

FaultyBackend::FaultyBackend(std::unique_ptr<Backend> backend, BackendFault fault)
    : backend_(std::move(backend)), fault_(fault) {}

absl::Status FaultyBackend::Submit(const StepBatch& batch) {
  batch_ = batch;
  sequences_.assign(batch.sequences.begin(), batch.sequences.end());
  trees_.clear();
  trees_.reserve(sequences_.size());
  for (SequenceStep& sequence : sequences_) {
    if (fault_ == BackendFault::kNoiseByRow) sequence.outputs.logits = true;
    if (fault_ == BackendFault::kSiblingVisible && sequence.tree != nullptr) {
      trees_.push_back(HangBelowSiblings(*sequence.tree, config().vocab_size));
      sequence.tree = &trees_.back();
    }
  }
  return backend_->Submit({.sequences = sequences_, .tapped_layers = batch.tapped_layers});
}

absl::StatusOr<const StepResult*> FaultyBackend::Wait() {
  CHIMERA_ASSIGN_OR_RETURN(result_, RunSteps());
  if (fault_ == BackendFault::kNoiseByRow) SampleByRow(&result_);
  return &result_;
}

absl::StatusOr<StepResult> FaultyBackend::RunSteps() {
  CHIMERA_ASSIGN_OR_RETURN(const StepResult* const result, backend_->Wait());
  StepResult copy = *result;
  if (fault_ == BackendFault::kSiblingVisible) {
    // Only the choices shall be wrong: scratch gets the K/V of the true tree, which commits expect.
    CHIMERA_RETURN_IF_ERROR(backend_->Submit(batch_));
    CHIMERA_RETURN_IF_ERROR(backend_->Wait().status());
  }
  return copy;
}

void FaultyBackend::SampleByRow(StepResult* result) {
  const size_t vocab_size = config().vocab_size;
  for (size_t sequence = 0; sequence < sequences_.size(); ++sequence) {
    const int32_t first = result->first_row[sequence];
    for (int32_t row = first; row < first + sequences_[sequence].row_count(); ++row) {
      if (result->chosen[row] < 0) continue;
      const std::span<const float> logits =
          std::span(result->logits).subspan(result->logits_row[row] * vocab_size, vocab_size);
      result->chosen[row] = sampler_.Sample(logits, sequences_[sequence].sampling, row);
    }
  }
}

absl::Status FaultyBackend::Commit(std::span<const CommitRequest> requests) {
  std::vector<CommitRequest> changed(requests.begin(), requests.end());
  for (CommitRequest& request : changed) {
    if (fault_ == BackendFault::kCommitOffByOne && request.nodes.size() > 1) {
      request.nodes = request.nodes.first(request.nodes.size() - 1);
    }
  }
  return backend_->Commit(changed);
}

}  // namespace chimera::testing
