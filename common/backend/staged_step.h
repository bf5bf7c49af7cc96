// A step as the forward pass reads it: one entry per row.

#ifndef CHIMERA_COMMON_BACKEND_STAGED_STEP_H_
#define CHIMERA_COMMON_BACKEND_STAGED_STEP_H_

#include <cstdint>
#include <vector>

#include "common/backend/backend.h"

namespace chimera {

// One row of the forward pass.
struct StagedRow {
  int32_t token = 0;
  int32_t position = 0;
  int32_t sequence = 0;  // index into the batch
  int32_t node = -1;     // in the sequence's tree, -1 for a row of a chunk
  bool is_sampled = false;
};

// A validated batch and its rows, sequence by sequence in chunk or node order.
struct StagedStep {
  StepBatch batch;
  std::vector<StagedRow> rows;

  const SequenceStep& sequence_of(const StagedRow& row) const {
    return batch.sequences[row.sequence];
  }
};

// Lists the rows of `batch` in `step`, whose memory is reused, and the number of each sequence's
// first row in `first_row`.
void StageStep(const StepBatch& batch, StagedStep* step, std::vector<int32_t>* first_row);

}  // namespace chimera

#endif  // CHIMERA_COMMON_BACKEND_STAGED_STEP_H_
