// Decodes requests: continuous batching over one backend, with or without drafters.

#ifndef CHIMERA_VERIFIER_ENGINE_ENGINE_H_
#define CHIMERA_VERIFIER_ENGINE_ENGINE_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/backend/backend.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/metrics/verifier_metrics.h"
#include "common/tokenizer/tokenizer.h"
#include "verifier/engine/canary.h"
#include "verifier/engine/draft_coordinator.h"
#include "verifier/engine/engine_config.h"
#include "verifier/engine/engine_recorder.h"
#include "verifier/engine/generation_request.h"
#include "verifier/engine/request_queue.h"
#include "verifier/engine/scheduler.h"
#include "verifier/engine/sequence.h"
#include "verifier/engine/sequence_pages.h"
#include "verifier/engine/speculation_control.h"
#include "verifier/engine/step_groups.h"
#include "verifier/engine/step_time_table.h"

namespace chimera {

// What an operator sees of the engine's load.
struct EngineLoad {
  int32_t running_requests = 0;
  int32_t waiting_requests = 0;  // interrupted ones included
  int32_t free_pages = 0;        // pages that nobody holds, though they may be in the prefix cache
};

// What the engine works with; everything must outlive it.
struct EngineParts {
  Backend* backend = nullptr;
  const Tokenizer* tokenizer = nullptr;
  std::vector<DraftSource*> draft_sources;
  const Clock* clock = nullptr;
  VerifierMetrics* metrics = nullptr;
  // Called once, from the engine's thread, when the backend's device is lost, or as good as lost: 16
  // steps failed in a row. By then every request has ended, and new ones are refused. May be empty.
  std::function<void(const absl::Status&)> on_device_lost = {};
};

// Owns the decoding thread, which alone touches backend, pages and sequences. A step of a group
// (StepGroups): admit, collect drafts, plan, reserve pages, forward, walk, commit, emit, send the
// news to the drafters.
//
// The public methods may be called from any thread.
class Engine {
 public:
  // Starts the thread. With NodePlanning::kByStepTime it times the backend first, which takes about
  // a second. INVALID_ARGUMENT if the config does not fit the backend's limits.
  static absl::StatusOr<std::unique_ptr<Engine>> Create(const EngineParts& parts,
                                                        const EngineConfig& config);

  // Ends what still runs with UNAVAILABLE.
  ~Engine();

  // Queues a request whose reply goes to `sink`. If an error is returned the sink is never called.
  // Errors: as RequestQueue::Push; INVALID_ARGUMENT if the request can never fit into the page
  // pool.
  absl::Status Submit(GenerationRequest request, std::shared_ptr<GenerationSink> sink);

  // Ends a request within one step, with CANCELLED. NOT_FOUND if no request has that id, or if its
  // reply goes elsewhere than to `sink`, null standing for any: an id that is free again may be
  // another client's by now.
  absl::Status Cancel(const std::string& id, const GenerationSink* sink = nullptr);

  // Refuses new requests and waits for those at hand until `deadline`, then ends them with
  // UNAVAILABLE. Returns when no request is left.
  void Drain(std::chrono::steady_clock::time_point deadline);

  // Positions that prompt and reply may take together: the model's context or the whole pool.
  int32_t context_limit() const;

  EngineLoad load() const;
  SpeculationStatus speculation() const;
  const EngineConfig& config() const { return config_; }

 private:
  Engine(const EngineParts& parts, const EngineConfig& config,
         std::optional<StepTimeTable> step_times);

  static constexpr int kMostFailedSteps = 16;  // in a row

  void Run();
  void Step();
  // The step has failed: requests with rows in it end, and if the device is lost all others, too.
  void FailStep(const absl::Status& status);
  void EndAll(const absl::Status& status);
  void EndCancelled();
  void ListActive();
  // `drafting_seconds` were spent on this step's drafts.
  void PlanRows(double drafting_seconds);
  void SendNews();
  absl::Status Forward();
  void TakeResults(const StepResult& result);
  // Adds tokens to the reply until it ends; returns how many.
  size_t AppendTokens(Sequence* sequence, std::span<const int32_t> tokens);
  void TakeChunk(Sequence* sequence, const StepResult& result, int32_t first_row);
  void TakeTree(Sequence* sequence, const StepResult& result, int32_t first_row);
  void RecordHidden(Sequence* sequence, const StepResult& result, int32_t row, int32_t position);
  void End(Sequence* sequence, const absl::Status& status);
  void EndQueued(QueuedRequest* queued, const absl::Status& status);
  void RemoveEnded();
  void PublishLoad();

  const EngineParts parts_;
  const EngineConfig config_;
  RequestQueue queue_;
  std::atomic<int32_t> running_count_{0};
  std::atomic<int32_t> interrupted_count_{0};
  std::atomic<int32_t> free_pages_{0};
  std::atomic<bool> cut_off_{false};  // Drain's deadline has passed
  mutable Mutex speculation_mutex_;
  SpeculationStatus speculation_status_ ABSL_GUARDED_BY(speculation_mutex_);

  // The rest belongs to the engine's thread.
  EngineRecorder recorder_;
  DraftCoordinator coordinator_;
  StepGroups groups_;
  SpeculationControl speculation_;
  SequencePages pages_;
  Scheduler scheduler_;
  Canary canary_;
  int group_ = 0;                                  // that steps
  StepRows rows_;                                  // of the step under way
  int failed_steps_ = 0;                           // the last ones, in a row
  double news_seconds_ = 0;                        // spent on the news that asked for its drafts
  double forward_seconds_ = 0;                     // that its forward pass took
  std::vector<Sequence*> active_;                  // those of the group that run
  std::vector<Sequence*> stepped_;                 // those with rows in this step
  std::vector<SequenceStep> steps_;                // one per entry of stepped_
  std::vector<std::vector<int>> committed_nodes_;  // memory behind commits_
  std::vector<CommitRequest> commits_;
  std::vector<Sequence*> ended_;

  std::thread thread_;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_ENGINE_H_
