// Decides which requests run.

#ifndef CHIMERA_VERIFIER_ENGINE_SCHEDULER_H_
#define CHIMERA_VERIFIER_ENGINE_SCHEDULER_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/tokenizer/tokenizer.h"
#include "verifier/engine/draft_coordinator.h"
#include "verifier/engine/engine_recorder.h"
#include "verifier/engine/request_queue.h"
#include "verifier/engine/sequence.h"
#include "verifier/engine/sequence_pages.h"

namespace chimera {

// What a scheduler works with; all of it must outlive the scheduler.
struct SchedulerParts {
  RequestQueue* queue = nullptr;
  DraftCoordinator* coordinator = nullptr;
  SequencePages* pages = nullptr;
  const Tokenizer* tokenizer = nullptr;
  EngineRecorder* recorder = nullptr;
};

// Gives requests a slot and pages, first come, first served, and takes them away again where pages
// run out: from the youngest, which resumes later, before any younger one, where it stopped. So the
// oldest always goes on, and since every request fits into the pool, all come to an end.
//
// Canaries run one at a time, only while no user waits, and are the first to be interrupted.
//
// The engine's thread only.
class Scheduler {
 public:
  Scheduler(const SchedulerParts& parts, int32_t slot_count);

  // Lets waiting requests run as far as slots and pages allow.
  void Admit();

  // Sees to it that every running sequence has the pages that its next step writes, and interrupts
  // the youngest until it is so. A tree for which there are too few is cut to its root.
  void ReservePages();

  // Keeps a canary for a quiet time; false if too many wait already.
  bool AddCanary(QueuedRequest request);

  // Forgets a sequence, whether it runs or waits.
  void Remove(const Sequence* sequence);

  // Those that run, in the order in which they were let in.
  const std::vector<std::unique_ptr<Sequence>>& running() const { return running_; }

  // All that were taken from the queue and not removed, and the canaries.
  std::vector<Sequence*> All() const;

  // Whether there is something to do besides what waits in the queue.
  bool has_work() const { return !running_.empty() || !waiting_.empty() || !canaries_.empty(); }

  // Users' requests that were taken from the queue and have no slot and pages.
  int32_t interrupted_count() const { return static_cast<int32_t>(waiting_.size()); }
  // Users' requests that wait, those in the queue included.
  int32_t waiting_count() const { return parts_.queue->waiting_count() + interrupted_count(); }
  int32_t running_count() const;

 private:
  using Waiting = std::deque<std::unique_ptr<Sequence>>;

  bool AdmitFront(Waiting* waiting);
  bool PreemptCanary();
  void Preempt(Sequence* sequence);

  const SchedulerParts parts_;
  std::vector<int32_t> free_slots_;
  int64_t next_id_ = 1;
  std::vector<std::unique_ptr<Sequence>> running_;
  Waiting waiting_;   // users' requests, ascending by id
  Waiting canaries_;  // first come, first served
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_SCHEDULER_H_
