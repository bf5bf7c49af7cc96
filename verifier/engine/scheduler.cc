#include "verifier/engine/scheduler.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/failpoint.h"

namespace chimera {
namespace {

constexpr size_t kMaxWaitingCanaries = 16;

bool IsUser(const std::unique_ptr<Sequence>& sequence) {
  return sequence->purpose == RequestPurpose::kUser;
}

int MaxDepth(const TokenTree& tree) {
  int depth = 0;
  for (int node = 0; node < tree.size(); ++node) depth = std::max(depth, tree.depth(node));
  return depth;
}

}  // namespace

Scheduler::Scheduler(const SchedulerParts& parts, int32_t slot_count) : parts_(parts) {
  for (int32_t slot = slot_count - 1; slot >= 0; --slot) free_slots_.push_back(slot);
}

void Scheduler::Admit() {
  while (true) {
    if (waiting_.empty()) {
      // What cannot run now is not taken from the queue, where it counts against its bounds.
      if (free_slots_.empty() && std::ranges::all_of(running_, IsUser)) break;
      std::unique_ptr<QueuedRequest> queued = parts_.queue->Pop();
      if (queued == nullptr) break;
      waiting_.push_back(std::make_unique<Sequence>(std::move(*queued), parts_.tokenizer));
      waiting_.back()->id = next_id_++;
    }
    // Nobody overtakes the first one: else a large request could wait for ever.
    if (!AdmitFront(&waiting_) && !PreemptCanary()) break;
  }
  const bool users_wait = waiting_count() > 0;
  if (!users_wait && !canaries_.empty() && std::ranges::all_of(running_, IsUser)) {
    AdmitFront(&canaries_);
  }
}

bool Scheduler::AdmitFront(Waiting* waiting) {
  Sequence* sequence = waiting->front().get();
  if (free_slots_.empty() || !Failpoint(FailpointSite::kAdmit).ok()) return false;
  // Each of the others soon needs a page; without this it would take those of the newcomer.
  const auto reserve = static_cast<int32_t>(running_.size());
  if (!parts_.pages->Admit(sequence, reserve)) return false;
  sequence->slot = free_slots_.back();
  free_slots_.pop_back();
  parts_.recorder->Admitted(sequence);
  running_.push_back(std::move(waiting->front()));
  waiting->pop_front();
  return true;
}

bool Scheduler::PreemptCanary() {
  const auto canary = std::ranges::find_if_not(running_, IsUser);
  if (canary == running_.end()) return false;
  Preempt(canary->get());
  return true;
}

void Scheduler::ReservePages() {
  std::vector<Sequence*> by_age;
  for (const auto& sequence : running_) by_age.push_back(sequence.get());
  std::ranges::sort(by_age, [](const Sequence* a, const Sequence* b) {
    return std::pair(a->purpose, a->id) < std::pair(b->purpose, b->id);
  });
  for (size_t i = 0; i < by_age.size(); ++i) {
    const int32_t rows = by_age[i]->prefilling() ? by_age[i]->chunk_size : 1;
    // The youngest gives way, itself included.
    while (i < by_age.size() && !parts_.pages->Cover(by_age[i], by_age[i]->context_length + rows)) {
      CHIMERA_CHECK(by_age.size() > 1) << "a request is larger than the pool";
      Preempt(by_age.back());
      by_age.pop_back();
    }
  }
  for (const auto& sequence : running_) {
    if (sequence->prefilling()) continue;
    // The accepted path, but for what lies behind the reply's end.
    const int32_t reply_end = sequence->prompt_size() + sequence->request.stop.max_tokens;
    const int32_t path_end = sequence->context_length + 1 + MaxDepth(sequence->tree);
    if (!parts_.pages->Cover(sequence.get(), std::min(path_end, reply_end))) {
      sequence->tree = sequence->tree.Prefix(1);
    }
  }
}

bool Scheduler::AddCanary(QueuedRequest request) {
  if (canaries_.size() >= kMaxWaitingCanaries) return false;
  canaries_.push_back(std::make_unique<Sequence>(std::move(request), parts_.tokenizer));
  canaries_.back()->id = next_id_++;
  return true;
}

void Scheduler::Preempt(Sequence* sequence) {
  parts_.recorder->Preempted(*sequence);
  parts_.coordinator->Interrupt(sequence);
  parts_.pages->Release(sequence);
  free_slots_.push_back(std::exchange(sequence->slot, -1));
  const auto running = std::ranges::find(running_, sequence, &std::unique_ptr<Sequence>::get);
  Waiting& waiting = sequence->purpose == RequestPurpose::kUser ? waiting_ : canaries_;
  const auto younger = std::ranges::find_if(
      waiting, [sequence](const auto& other) { return other->id > sequence->id; });
  waiting.insert(younger, std::move(*running));
  running_.erase(running);
}

void Scheduler::Remove(const Sequence* sequence) {
  const auto is_it = [sequence](const auto& owned) { return owned.get() == sequence; };
  if (sequence->slot >= 0) free_slots_.push_back(sequence->slot);
  std::erase_if(running_, is_it);
  std::erase_if(waiting_, is_it);
  std::erase_if(canaries_, is_it);
}

std::vector<Sequence*> Scheduler::All() const {
  std::vector<Sequence*> all;
  for (const auto& sequence : running_) all.push_back(sequence.get());
  for (const auto& sequence : waiting_) all.push_back(sequence.get());
  for (const auto& sequence : canaries_) all.push_back(sequence.get());
  return all;
}

int32_t Scheduler::running_count() const {
  return static_cast<int32_t>(std::ranges::count_if(running_, IsUser));
}

}  // namespace chimera
