// A backend whose steps wait for the test.

#ifndef CHIMERA_TESTS_TESTING_HELD_BACKEND_H_
#define CHIMERA_TESTS_TESTING_HELD_BACKEND_H_

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/backend/backend.h"

namespace chimera::testing {

// Passes all calls on to `backend`; Submit waits for `release` before. So what a test has done until
// then has been done before the first step, however fast steps are.
class HeldBackend final : public Backend {
 public:
  HeldBackend(std::unique_ptr<Backend> backend, std::shared_future<void> release)
      : backend_(std::move(backend)), release_(std::move(release)) {}

  const LlamaConfig& config() const override { return backend_->config(); }
  const BackendLimits& limits() const override { return backend_->limits(); }
  const std::string& numerics_id() const override { return backend_->numerics_id(); }
  absl::Status Submit(const StepBatch& batch) override {
    release_.wait();
    return backend_->Submit(batch);
  }
  absl::StatusOr<const StepResult*> Wait() override { return backend_->Wait(); }
  absl::Status Commit(std::span<const CommitRequest> requests) override {
    return backend_->Commit(requests);
  }
  std::vector<std::byte> CopyPage(int32_t page) const override { return backend_->CopyPage(page); }

 private:
  const std::unique_ptr<Backend> backend_;
  const std::shared_future<void> release_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_HELD_BACKEND_H_
