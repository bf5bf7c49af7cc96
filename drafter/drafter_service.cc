#include "drafter/drafter_service.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/rpc/status_conversion.h"

namespace chimera {
namespace {

using std::chrono::steady_clock;

// How long calls are given to notice that they are cancelled.
constexpr std::chrono::seconds kCancelTimeout(3);

absl::Status Draining() {
  return ErrorWithReason(absl::StatusCode::kUnavailable, v1::ERROR_REASON_DRAINING, "",
                         "the drafter is shutting down");
}

// Why a message was refused, by the status that ends its stream.
RefusalReason ToRefusalReason(const absl::Status& status) {
  const std::optional<v1::ErrorDetail> detail = GetErrorDetail(status);
  switch (detail.has_value() ? detail->reason() : v1::ERROR_REASON_UNSPECIFIED) {
    case v1::ERROR_REASON_PROTOCOL_MISMATCH:
      return RefusalReason::kProtocolMismatch;
    case v1::ERROR_REASON_FINGERPRINT_MISMATCH:
      return RefusalReason::kFingerprintMismatch;
    default:
      return RefusalReason::kProtocolViolation;
  }
}

}  // namespace

DrafterService::DrafterService(TargetInfo target, std::unique_ptr<DraftModel> model,
                               int32_t max_sequences, DrafterMetrics* metrics,
                               std::function<void(const absl::Status&)> on_device_lost)
    : target_(std::move(target)),
      model_(std::move(model)),
      metrics_(*metrics),
      on_device_lost_(std::move(on_device_lost)),
      capacity_(max_sequences) {}

DrafterService::~DrafterService() { CHIMERA_CHECK(!thread_.joinable()) << "not stopped"; }

void DrafterService::Start(std::unique_ptr<grpc::ServerCompletionQueue> queue) {
  CHIMERA_CHECK(queue_ == nullptr) << "started twice";
  queue_ = std::move(queue);
  thread_ = std::thread([this] { Run(); });
}

void DrafterService::SetPhase(Phase phase) {
  {
    MutexLock lock(&mutex_);
    phase_ = phase;
  }
  // A completion without a tag tells the drafter thread to look.
  alarms_.push_back(std::make_unique<grpc::Alarm>());
  alarms_.back()->Set(queue_.get(), gpr_inf_past(GPR_CLOCK_MONOTONIC), nullptr);
}

bool DrafterService::WaitUntilIdle(steady_clock::time_point deadline) {
  MutexLock lock(&mutex_);
  while (open_streams_ > 0) {
    if (!changed_.WaitUntil(&mutex_, deadline)) return open_streams_ == 0;
  }
  return true;
}

void DrafterService::Drain(steady_clock::time_point deadline) {
  SetPhase(Phase::kDraining);
  if (WaitUntilIdle(deadline)) return;
  SetPhase(Phase::kCancelling);
  WaitUntilIdle(steady_clock::now() + kCancelTimeout);
}

void DrafterService::Stop() {
  SetPhase(Phase::kStopped);
  thread_.join();
  alarms_.clear();
}

void DrafterService::Run() {
  AcceptNext();
  while (HandleCompletions()) {
    DraftReadySteps();
    metrics_.open_sequences.Set(capacity_.held());
    ApplyPhase();
  }
}

// Waits for a completion and handles it; with several verifiers also those that have come
// meanwhile, so that one batch drafts for all. Returns false once the queue has ended.
bool DrafterService::HandleCompletions() {
  void* tag = nullptr;
  bool ok = false;
  if (!queue_->Next(&tag, &ok)) return false;
  Handle(tag, ok);
  constexpr size_t kOneOpenStream = 2;  // and the one that waits for a call
  for (size_t i = 0; streams_.size() > kOneOpenStream && i < 2 * streams_.size(); ++i) {
    const auto status = queue_->AsyncNext(&tag, &ok, gpr_inf_past(GPR_CLOCK_MONOTONIC));
    if (status != grpc::CompletionQueue::GOT_EVENT) break;
    Handle(tag, ok);
  }
  return true;
}

void DrafterService::Handle(void* tag, bool ok) {
  if (tag == nullptr) return;
  DraftStream::Operation* const operation = static_cast<DraftStream::Operation*>(tag);
  DraftStream* const stream = operation->stream;
  switch (stream->Complete(operation, ok)) {
    case DraftStream::Event::kNone:
      return;
    case DraftStream::Event::kAccepted:
      return AfterAccept(stream);
    case DraftStream::Event::kStepReady:
      ready_.push_back(stream);
      return;
    case DraftStream::Event::kRefused:
      metrics_.refusals[ToRefusalReason(stream->end_status())].Increment();
      return;
    case DraftStream::Event::kFinished:
      return AfterFinish(stream);
  }
}

void DrafterService::AcceptNext() {
  auto stream =
      std::make_unique<DraftStream>(&service_, queue_.get(), &target_, model_.get(), &capacity_);
  DraftStream* const key = stream.get();
  streams_.emplace(key, std::move(stream));
}

void DrafterService::AfterAccept(DraftStream* stream) {
  int open_streams;
  {
    MutexLock lock(&mutex_);
    open_streams = ++open_streams_;
  }
  metrics_.connected_verifiers.Increment();
  AcceptNext();
  if (applied_phase_ != Phase::kServing) {
    metrics_.refusals[RefusalReason::kDraining].Increment();
    return stream->End(Draining());
  }
  if (!device_lost_.ok()) return stream->End(device_lost_);
  if (open_streams > kMaxStreams) {
    metrics_.refusals[RefusalReason::kTooManyStreams].Increment();
    stream->End(absl::ResourceExhaustedError(
        absl::StrCat("the drafter serves ", kMaxStreams, " streams already")));
  }
}

void DrafterService::AfterFinish(DraftStream* stream) {
  const bool accepted = stream->accepted();
  streams_.erase(stream);
  if (!accepted) return;
  metrics_.connected_verifiers.Decrement();
  MutexLock lock(&mutex_);
  --open_streams_;
  changed_.NotifyAll();
}

void DrafterService::DraftReadySteps() {
  if (ready_.empty()) return;
  inputs_.clear();
  for (const DraftStream* stream : ready_) {
    inputs_.insert(inputs_.end(), stream->inputs().begin(), stream->inputs().end());
  }
  const steady_clock::time_point start = steady_clock::now();
  const absl::StatusOr<std::vector<ProposedTree>> trees = model_->Draft(inputs_);
  metrics_.draft_duration.Observe(
      std::chrono::duration<double>(steady_clock::now() - start).count());
  if (!trees.ok()) return FailReadySteps(trees.status());
  CHIMERA_CHECK(trees->size() == inputs_.size()) << "the model must give a tree for every input";
  size_t first = 0;
  for (DraftStream* stream : ready_) {
    const size_t count = stream->inputs().size();
    CountReply(stream->Reply(std::span(*trees).subspan(first, count)));
    first += count;
  }
  ready_.clear();
}

void DrafterService::FailReadySteps(const absl::Status& status) {
  const absl::Status failed(status.code(), absl::StrCat("drafting failed: ", status.message()));
  LogError("drafting failed reason={}", status.ToString());
  for (DraftStream* stream : ready_) stream->End(failed);
  ready_.clear();
  if (!absl::IsUnavailable(failed) || !device_lost_.ok()) return;
  device_lost_ = failed;
  for (const auto& [key, stream] : streams_) {
    if (stream->accepted()) stream->End(failed);
  }
  if (on_device_lost_) on_device_lost_(failed);
}

void DrafterService::CountReply(const v1::StepReply& reply) {
  metrics_.steps.Increment();
  for (const v1::SequenceDraft& draft : reply.drafts()) {
    switch (draft.outcome()) {
      case v1::DRAFT_OUTCOME_UNKNOWN_SEQUENCE:
        metrics_.refusals[RefusalReason::kUnknownSequence].Increment();
        break;
      case v1::DRAFT_OUTCOME_OVERLOADED:
        metrics_.refusals[RefusalReason::kOverloaded].Increment();
        break;
      default:
        metrics_.drafts.Increment();
        metrics_.draft_nodes.Increment(draft.tree().token_ids_size());
    }
  }
}

// Runs while no step is to be drafted, so that every stream may be ended.
void DrafterService::ApplyPhase() {
  Phase phase;
  {
    MutexLock lock(&mutex_);
    phase = phase_;
  }
  if (phase == Phase::kServing) return;
  if (phase != applied_phase_) {
    applied_phase_ = phase;
    for (const auto& [key, stream] : streams_) {
      if (!stream->accepted()) continue;
      stream->End(Draining());
      if (phase != Phase::kDraining) stream->Cancel();
    }
  }
  // While anything is in flight the queue must stay open. The server has shut down, so all of it
  // ends, and the last stream, which waits for a call, gets none.
  if (phase == Phase::kStopped && streams_.empty()) queue_->Shutdown();
}

}  // namespace chimera
