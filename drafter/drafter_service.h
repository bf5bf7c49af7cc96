// Serves DrafterService.Draft.

#ifndef CHIMERA_DRAFTER_DRAFTER_SERVICE_H_
#define CHIMERA_DRAFTER_DRAFTER_SERVICE_H_

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "chimera/v1/drafter_service.grpc.pb.h"
#include "common/base/mutex.h"
#include "common/metrics/drafter_metrics.h"
#include "common/model/target_info.h"
#include "drafter/draft_model.h"
#include "drafter/draft_stream.h"
#include "drafter/session_table.h"

namespace chimera {

// One thread, the drafter thread, owns the completion queue, all streams, their sequences and the
// model. Steps of several verifiers that arrive together are drafted in one batch.
//
// Life: register service() and make a queue with the server's builder; Start once the server has
// started; Drain while it serves; Stop once the server has shut down. All of them from one thread.
class DrafterService {
 public:
  // Streams served at once; a verifier needs one.
  static constexpr int kMaxStreams = 64;

  // `metrics` must outlive the service. `on_device_lost` is called once, on the drafter thread,
  // with the reason, if the model's device is lost.
  DrafterService(TargetInfo target, std::unique_ptr<DraftModel> model, int32_t max_sequences,
                 DrafterMetrics* metrics,
                 std::function<void(const absl::Status&)> on_device_lost = {});
  // REQUIRES: never started, or stopped.
  ~DrafterService();
  DrafterService(const DrafterService&) = delete;
  DrafterService& operator=(const DrafterService&) = delete;

  grpc::Service* service() { return &service_; }

  // Starts the drafter thread.
  void Start(std::unique_ptr<grpc::ServerCompletionQueue> queue);

  // Ends every stream with UNAVAILABLE (DRAINING) once its answer in flight is written, and cancels
  // those that have not ended by `deadline`. Later streams are refused. Returns when none is left.
  void Drain(std::chrono::steady_clock::time_point deadline);

  // Ends the drafter thread. REQUIRES: the server has shut down.
  void Stop();

 private:
  enum class Phase { kServing, kDraining, kCancelling, kStopped };

  // From the thread of Start.
  void SetPhase(Phase phase);
  // Returns false if streams are still open at `deadline`.
  bool WaitUntilIdle(std::chrono::steady_clock::time_point deadline);

  // On the drafter thread.
  void Run();
  bool HandleCompletions();
  void Handle(void* tag, bool ok);
  void AcceptNext();
  void AfterAccept(DraftStream* stream);
  void AfterFinish(DraftStream* stream);
  void DraftReadySteps();
  // Ends the streams whose steps were to be drafted, and all if the device is lost.
  void FailReadySteps(const absl::Status& status);
  void CountReply(const v1::StepReply& reply);
  void ApplyPhase();

  const TargetInfo target_;
  const std::unique_ptr<DraftModel> model_;
  DrafterMetrics& metrics_;
  const std::function<void(const absl::Status&)> on_device_lost_;
  v1::DrafterService::AsyncService service_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::vector<std::unique_ptr<grpc::Alarm>> alarms_;  // they wake the drafter thread
  std::thread thread_;

  // Of the drafter thread.
  SequenceCapacity capacity_;
  absl::flat_hash_map<DraftStream*, std::unique_ptr<DraftStream>> streams_;  // one is not accepted
  std::vector<DraftStream*> ready_;  // a step of theirs is to be drafted
  std::vector<DraftInput> inputs_;
  absl::Status device_lost_;  // OK until it is: streams that come later end with it
  Phase applied_phase_ = Phase::kServing;

  Mutex mutex_;
  CondVar changed_;
  Phase phase_ ABSL_GUARDED_BY(mutex_) = Phase::kServing;
  int open_streams_ ABSL_GUARDED_BY(mutex_) = 0;  // accepted and not finished
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_DRAFTER_SERVICE_H_
