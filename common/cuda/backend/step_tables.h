// What a step's kernels read of its rows.

#ifndef CHIMERA_COMMON_CUDA_BACKEND_STEP_TABLES_H_
#define CHIMERA_COMMON_CUDA_BACKEND_STEP_TABLES_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/backend/backend.h"
#include "common/backend/staged_step.h"
#include "common/cuda/backend/device_kv_pool.h"
#include "common/cuda/kernels/attention_plan.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "common/cuda/runtime/stream.h"

namespace chimera {

// Device addresses for a number of rows, which do not change: captured graphs keep them.
struct StepTableView {
  const int32_t* tokens = nullptr;       // [rows], -1: padding
  const int32_t* positions = nullptr;    // [rows]
  const int32_t* kv_slots = nullptr;     // [rows], -1: padding
  const int32_t* hidden_rows = nullptr;  // [rows], of tapped hidden states; -1: not wanted
  const int32_t* plan = nullptr;         // of attention
};

// Tables of one step at a time, sent to the device in one copy. One thread at a time.
class StepTables {
 public:
  // On the calling thread's device, for steps of at most limits.rows rows. Errors: device_error.h.
  static absl::StatusOr<StepTables> Create(const AttentionPlannerOptions& options);

  // Writes the tables of a step and gives their copy to the stream; padding follows the rows up to
  // `row_count`. REQUIRES: earlier copies are done.
  absl::Status Send(const StagedStep& step, int row_count, const DeviceKvPool& pool,
                    cuda::Stream& stream);

  // Where the tables of `row_count` rows, padding included, are.
  StepTableView View(int row_count);

  // Rows of the step that was sent last whose hidden states are wanted: these rows are their order.
  const std::vector<int32_t>& hidden_rows() const { return hidden_rows_; }

 private:
  StepTables(const AttentionPlannerOptions& options, cuda::PinnedBuffer<int32_t> host,
             cuda::DeviceBuffer<int32_t> device);

  AttentionPlanner planner_;
  cuda::PinnedBuffer<int32_t> host_;
  cuda::DeviceBuffer<int32_t> device_;
  std::vector<AttentionSequence> sequences_;
  std::vector<int32_t> hidden_rows_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_CUDA_BACKEND_STEP_TABLES_H_
