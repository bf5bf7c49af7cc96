// A backend whose steps take a while on a clock of the test's.

#ifndef CHIMERA_TESTS_TESTING_SLOW_BACKEND_H_
#define CHIMERA_TESTS_TESTING_SLOW_BACKEND_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/backend/backend.h"
#include "tests/testing/fake_clock.h"

namespace chimera::testing {

// Passes all calls on to `backend`; each Wait advances `clock` by `delay`, whatever the step's
// rows, as where reading the weights is all the work, unless rows behind the first have a delay of
// their own. The clock must outlive it.
class SlowBackend final : public Backend {
 public:
  SlowBackend(std::unique_ptr<Backend> backend, std::chrono::microseconds delay, FakeClock* clock)
      : backend_(std::move(backend)), delay_(delay), clock_(clock) {}

  const LlamaConfig& config() const override { return backend_->config(); }
  const BackendLimits& limits() const override { return backend_->limits(); }
  const std::string& numerics_id() const override { return backend_->numerics_id(); }
  absl::Status Submit(const StepBatch& batch) override {
    rows_ = 0;
    for (const SequenceStep& step : batch.sequences) rows_ += step.row_count();
    return backend_->Submit(batch);
  }
  absl::StatusOr<const StepResult*> Wait() override {
    clock_->Advance(delay_ + (rows_ - 1) * row_delay.load());
    return backend_->Wait();
  }
  absl::Status Commit(std::span<const CommitRequest> requests) override {
    return backend_->Commit(requests);
  }
  std::vector<std::byte> CopyPage(int32_t page) const override { return backend_->CopyPage(page); }

  std::atomic<std::chrono::microseconds> row_delay{};

 private:
  const std::unique_ptr<Backend> backend_;
  const std::chrono::microseconds delay_;
  FakeClock* const clock_;
  int64_t rows_ = 0;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_SLOW_BACKEND_H_
