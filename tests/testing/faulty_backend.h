// Backends that break a promise on purpose, to show that tests of losslessness would notice.

#ifndef CHIMERA_TESTS_TESTING_FAULTY_BACKEND_H_
#define CHIMERA_TESTS_TESTING_FAULTY_BACKEND_H_

#include <memory>
#include <string>
#include <vector>

#include "common/backend/backend.h"
#include "common/sampling/shared_noise_sampler.h"

namespace chimera::testing {

enum class BackendFault {
  kNone,            // for comparison: changes nothing
  kSiblingVisible,  // a node with an elder sibling attends to it, as if it were its parent
  kCommitOffByOne,  // the last of several accepted nodes is not committed
  kNoiseByRow,  // the noise of a sampled row is that of its number in the step, not its position
};

// Passes all calls on to `backend`, apart from the fault.
class FaultyBackend final : public Backend {
 public:
  FaultyBackend(std::unique_ptr<Backend> backend, BackendFault fault);

  const LlamaConfig& config() const override { return backend_->config(); }
  const BackendLimits& limits() const override { return backend_->limits(); }
  const std::string& numerics_id() const override { return backend_->numerics_id(); }
  absl::Status Submit(const StepBatch& batch) override;
  absl::StatusOr<const StepResult*> Wait() override;
  absl::Status Commit(std::span<const CommitRequest> requests) override;
  std::vector<std::byte> CopyPage(int32_t page) const override { return backend_->CopyPage(page); }

 private:
  absl::StatusOr<StepResult> RunSteps();
  void SampleByRow(StepResult* result);

  const std::unique_ptr<Backend> backend_;
  const BackendFault fault_;
  StepBatch batch_;                      // as submitted
  std::vector<SequenceStep> sequences_;  // as passed on
  std::vector<TokenTree> trees_;         // that sequences_ points to
  StepResult result_;
  SharedNoiseSampler sampler_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_FAULTY_BACKEND_H_
