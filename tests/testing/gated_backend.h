// A backend whose steps wait until a test lets them through.

#ifndef CHIMERA_TESTS_TESTING_GATED_BACKEND_H_
#define CHIMERA_TESTS_TESTING_GATED_BACKEND_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/backend/backend.h"
#include "common/base/mutex.h"

namespace chimera::testing {

// Open at first. Thread-safe.
class StepGate {
 public:
  // From now on steps wait.
  void Close();

  // Lets `count` of the steps that wait, or will, through a closed gate.
  void Allow(int count);

  // Lets all steps through from now on.
  void Open();

  // Waits until the gate lets a step through.
  void Pass();

  // Steps that got through.
  int steps() const;

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int allowed_ ABSL_GUARDED_BY(mutex_) = 0;
  int steps_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Passes all calls on to `backend`; Submit goes through `gate`, which must outlive the object.
class GatedBackend final : public Backend {
 public:
  GatedBackend(std::unique_ptr<Backend> backend, StepGate* gate)
      : backend_(std::move(backend)), gate_(gate) {}

  const LlamaConfig& config() const override { return backend_->config(); }
  const BackendLimits& limits() const override { return backend_->limits(); }
  const std::string& numerics_id() const override { return backend_->numerics_id(); }
  absl::Status Submit(const StepBatch& batch) override {
    gate_->Pass();
    return backend_->Submit(batch);
  }
  absl::StatusOr<const StepResult*> Wait() override { return backend_->Wait(); }
  absl::Status Commit(std::span<const CommitRequest> requests) override {
    return backend_->Commit(requests);
  }
  std::vector<std::byte> CopyPage(int32_t page) const override { return backend_->CopyPage(page); }

 private:
  const std::unique_ptr<Backend> backend_;
  StepGate* const gate_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_GATED_BACKEND_H_
