#include "common/backend/staged_step.h"

namespace chimera {
namespace {

void StageChunk(const SequenceStep& step, int32_t sequence, std::vector<StagedRow>* rows) {
  for (size_t i = 0; i < step.chunk.size(); ++i) {
    rows->push_back({.token = step.chunk[i],
                     .position = step.context_length + static_cast<int32_t>(i),
                     .sequence = sequence,
                     .is_sampled = step.sample && i + 1 == step.chunk.size()});
  }
}

void StageTree(const SequenceStep& step, int32_t sequence, std::vector<StagedRow>* rows) {
  for (int node = 0; node < step.tree->size(); ++node) {
    rows->push_back({.token = step.tree->token(node),
                     .position = step.context_length + step.tree->depth(node),
                     .sequence = sequence,
                     .node = node,
                     .is_sampled = step.sample});
  }
}

}  // namespace

void StageStep(const StepBatch& batch, StagedStep* step, std::vector<int32_t>* first_row) {
  step->batch = batch;
  step->rows.clear();
  first_row->clear();
  for (size_t i = 0; i < batch.sequences.size(); ++i) {
    first_row->push_back(static_cast<int32_t>(step->rows.size()));
    const SequenceStep& sequence = batch.sequences[i];
    if (sequence.tree != nullptr) {
      StageTree(sequence, static_cast<int32_t>(i), &step->rows);
    } else {
      StageChunk(sequence, static_cast<int32_t>(i), &step->rows);
    }
  }
}

}  // namespace chimera
