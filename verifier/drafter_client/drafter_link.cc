#include "verifier/drafter_client/drafter_link.h"

#include <grpc/support/time.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/check.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"

namespace chimera {
namespace {

using std::chrono::steady_clock;

// Wall-clock time can jump, so gRPC is given the monotonic one.
gpr_timespec ToDeadline(steady_clock::time_point time) {
  if (time == steady_clock::time_point::max()) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  const auto left = std::chrono::ceil<std::chrono::microseconds>(time - steady_clock::now());
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_micros(left.count(), GPR_TIMESPAN));
}

}  // namespace

DrafterLink::DrafterLink(DrafterLinkConfig config, ChannelFactory make_channel, LinkMetrics metrics)
    : config_(std::move(config)),
      make_channel_(std::move(make_channel)),
      metrics_(std::move(metrics)),
      timer_(steady_clock::now()),
      backoff_(config_.backoff) {
  status_.address = config_.address;
  thread_ = std::thread([this] { Run(); });
}

DrafterLink::~DrafterLink() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    if (call_ != nullptr) call_->Cancel(absl::CancelledError("the link is closed"));
    EndSession();
  }
  // No operation starts once stopping_ is set, as gRPC demands of a queue that is shut down.
  queue_.Shutdown();
  thread_.join();
  MutexLock lock(&mutex_);
  call_.reset();
}

std::optional<DraftSession> DrafterLink::Session() const {
  MutexLock lock(&mutex_);
  return session_;
}

SendResult DrafterLink::Send(int64_t session_id, std::span<const DraftUpdate> updates,
                             const DraftPrices& prices) {
  using Outcome = SendResult::Outcome;
  MutexLock lock(&mutex_);
  if (!InSession(session_id)) return {.outcome = Outcome::kSessionEnded};
  if (book_.unanswered() >= config_.max_unanswered_steps ||
      outgoing_.bytes() >= config_.max_queued_bytes) {
    return {.outcome = Outcome::kQueueFull};
  }
  if (absl::Status fault = Failpoint(FailpointSite::kSend); !fault.ok()) {
    Break(std::move(fault));
    return {.outcome = Outcome::kSessionEnded};
  }
  v1::DraftRequest request;
  const HiddenRowShape shape = {.n_tapped = static_cast<int64_t>(session_->tapped_layers.size()),
                                .hidden_size = config_.target.hidden_size};
  WriteStep(updates, prices, shape, request.mutable_step());
  const int64_t step = book_.AddStep(CountDraftsAskedFor(updates), steady_clock::now());
  request.mutable_step()->set_step(book_.WireStep(step));
  CHIMERA_CHECK(request.step().ByteSizeLong() <= kMaxStepBytes)
      << request.step().ByteSizeLong() << " bytes";
  Write(std::move(request));
  return {.outcome = Outcome::kSent, .step = step};
}

std::optional<std::vector<Draft>> DrafterLink::WaitReply(int64_t step, TimePoint deadline) {
  MutexLock lock(&mutex_);
  while (book_.Awaits(step)) {
    if (!changed_.WaitUntil(&mutex_, deadline)) break;
  }
  const int64_t dropped = book_.dropped_drafts();
  std::optional<std::vector<Draft>> drafts = book_.Take(step);
  CountStaleDrafts(dropped);
  return drafts;
}

bool DrafterLink::HasAnswered(int64_t step) const {
  MutexLock lock(&mutex_);
  return !book_.Awaits(step);
}

void DrafterLink::Restart(int64_t session_id, absl::string_view reason) {
  MutexLock lock(&mutex_);
  if (!InSession(session_id)) return;
  backoff_.Discredit();
  Break(absl::DeadlineExceededError(reason));
}

void DrafterLink::Close(int64_t session_id, std::span<const int64_t> sequence_ids) {
  MutexLock lock(&mutex_);
  if (!InSession(session_id) || sequence_ids.empty()) return;
  if (absl::Status fault = Failpoint(FailpointSite::kClose); !fault.ok()) {
    return Break(std::move(fault));
  }
  if (!outgoing_.PushClose(sequence_ids)) {
    return Break(absl::ResourceExhaustedError("the drafter does not read"));
  }
  WriteNext();
}

void DrafterLink::CountDraft(bool used) {
  MutexLock lock(&mutex_);
  ++(used ? status_.drafts_used : status_.drafts_discarded);
}

DraftSourceStatus DrafterLink::Status() const {
  using State = DraftSourceStatus::State;
  MutexLock lock(&mutex_);
  DraftSourceStatus status = status_;
  status.drafts_discarded += book_.dropped_drafts();
  if (phase_ == Phase::kReady) {
    status.state = State::kReady;
  } else if (refused_) {
    // Shown through the next attempts, most of which fail alike.
    status.state = State::kRefused;
  } else {
    status.state = phase_ == Phase::kConnecting ? State::kConnecting : State::kDisconnected;
  }
  return status;
}

void DrafterLink::Run() {
  for (;;) {
    gpr_timespec deadline;
    {
      MutexLock lock(&mutex_);
      deadline = ToDeadline(timer_);
    }
    void* tag = nullptr;
    bool ok = false;
    switch (queue_.AsyncNext(&tag, &ok, deadline)) {
      case grpc::CompletionQueue::SHUTDOWN:
        return;
      case grpc::CompletionQueue::TIMEOUT:
        OnTimer();
        break;
      case grpc::CompletionQueue::GOT_EVENT:
        OnEvent(DraftCall::FromTag(tag), ok);
        break;
    }
  }
}

void DrafterLink::OnTimer() {
  {
    MutexLock lock(&mutex_);
    if (stopping_ || steady_clock::now() < timer_) return;
    timer_ = TimePoint::max();
    if (phase_ == Phase::kConnecting) {
      Break(absl::DeadlineExceededError(
          absl::StrCat("no answer within ", config_.handshake_timeout.count(), " ms")));
    }
    if (phase_ != Phase::kWaiting) return;
  }
  Connect();
}

void DrafterLink::Connect() {
  // A new channel each time: gRPC's own back-off starts anew, and so does name resolution. Made
  // without the lock, because it can take a while.
  const std::shared_ptr<grpc::Channel> channel = make_channel_();
  MutexLock lock(&mutex_);
  if (stopping_) return;
  call_ = std::make_unique<DraftCall>(channel, &queue_);
  phase_ = Phase::kConnecting;
  timer_ = steady_clock::now() + config_.handshake_timeout;
  call_->Start();
}

void DrafterLink::OnEvent(DraftCall::Operation operation, bool ok) {
  MutexLock lock(&mutex_);
  call_->Complete(operation);
  if (stopping_) return;
  switch (operation) {
    case DraftCall::Operation::kStart:
      OnStarted(ok);
      break;
    case DraftCall::Operation::kWrite:
      // After a failure the read fails as well, and takes care of the rest.
      if (ok) WriteNext();
      break;
    case DraftCall::Operation::kRead:
      OnRead(ok);
      break;
    case DraftCall::Operation::kFinish:
      break;
  }
  if (call_->over()) OnCallEnded();
}

void DrafterLink::OnStarted(bool ok) {
  if (!ok) return call_->Finish();
  v1::DraftRequest request;
  WriteHello(config_.target, request.mutable_hello());
  StartWrite(request);
  call_->Read();
}

void DrafterLink::OnRead(bool ok) {
  if (!ok) {
    phase_ = Phase::kEnding;
    EndSession();
    return call_->Finish();
  }
  metrics_.bytes[LinkDirection::kReceived].Increment(
      static_cast<double>(call_->response().ByteSizeLong()));
  if (phase_ != Phase::kEnding) {
    absl::Status status = HandleResponse(call_->response());
    if (!status.ok()) Break(std::move(status));
  }
  // Even of a broken stream: its end shows as a read that fails.
  call_->Read();
}

absl::Status DrafterLink::HandleResponse(const v1::DraftResponse& response) {
  CHIMERA_RETURN_IF_ERROR(Failpoint(FailpointSite::kReceive));
  if (phase_ == Phase::kConnecting) {
    if (!response.has_ready()) return absl::InvalidArgumentError("its first message is no Ready");
    return HandleReady(response.ready());
  }
  if (!response.has_reply()) return absl::InvalidArgumentError("a message that is no reply");
  const v1::StepReply& reply = response.reply();
  // Before anything is copied: a message has room for millions of drafts.
  CHIMERA_RETURN_IF_ERROR(book_.CheckReply(reply.step(), static_cast<size_t>(reply.drafts_size())));
  const std::chrono::duration<double> round_trip = steady_clock::now() - book_.oldest_sent();
  metrics_.round_trip.Observe(round_trip.count());
  const int64_t dropped = book_.dropped_drafts();
  book_.AddReply(ReadReply(reply));
  CountStaleDrafts(dropped);
  changed_.NotifyAll();
  return absl::OkStatus();
}

absl::Status DrafterLink::HandleReady(const v1::Ready& ready) {
  CHIMERA_RETURN_IF_ERROR(CheckReady(ready, config_.target, config_.other_weights));
  phase_ = Phase::kReady;
  timer_ = TimePoint::max();
  refused_ = false;
  backoff_.Connected(steady_clock::now());
  session_ = ReadReady(ready, ++sessions_);
  status_.name = ready.name().substr(0, kMaxPeerNameBytes);
  status_.detail.clear();
  status_.other_weights = ready.fingerprint().weights() != config_.target.fingerprint.weights;
  ++status_.connects;
  metrics_.connected.Set(1);
  if (status_.connects > 1) metrics_.reconnects.Increment();
  LogInfo("drafter ready address={} name={} context_window={} tapped_layers={} other_weights={}",
          config_.address, absl::Utf8SafeCEscape(status_.name), ready.context_window(),
          absl::StrJoin(ready.tapped_layers(), ","), status_.other_weights);
  return absl::OkStatus();
}

void DrafterLink::StartWrite(const v1::DraftRequest& request) {
  metrics_.bytes[LinkDirection::kSent].Increment(static_cast<double>(request.ByteSizeLong()));
  call_->Write(request);
}

void DrafterLink::Write(v1::DraftRequest request) {
  // Past the queue if possible: a message that waits is measured and moved.
  if (!call_->writing()) return StartWrite(request);
  outgoing_.Push(std::move(request));
}

void DrafterLink::WriteNext() {
  if (!call_->writing() && !outgoing_.empty()) StartWrite(outgoing_.Pop());
}

void DrafterLink::Break(absl::Status reason) {
  if (phase_ == Phase::kEnding) return;
  phase_ = Phase::kEnding;
  EndSession();
  call_->Cancel(std::move(reason));
}

void DrafterLink::EndSession() {
  outgoing_.Clear();
  if (!session_.has_value()) return;
  session_.reset();
  metrics_.connected.Set(0);
  book_.StartSession();
  changed_.NotifyAll();
}

void DrafterLink::OnCallEnded() {
  const absl::Status reason = call_->EndReason();
  call_.reset();
  const TimePoint now = steady_clock::now();
  refused_ = reason.code() == absl::StatusCode::kFailedPrecondition;
  phase_ = Phase::kWaiting;
  timer_ = now + (refused_ ? backoff_.Longest() : backoff_.Next(now));
  std::string detail = absl::StrCat(absl::StatusCodeToString(reason.code()), ": ",
                                    reason.message().substr(0, kMaxPeerReasonBytes));
  // Once per change, not once per attempt.
  if (detail != status_.detail) {
    LogWarning("drafter {} address={} reason={}", refused_ ? "refused" : "not connected",
               config_.address, absl::Utf8SafeCEscape(detail));
  }
  status_.detail = std::move(detail);
}

void DrafterLink::CountStaleDrafts(int64_t dropped_before) {
  metrics_.stale_drafts.Increment(static_cast<double>(book_.dropped_drafts() - dropped_before));
}

bool DrafterLink::InSession(int64_t session_id) const {
  return session_.has_value() && session_->id == session_id;
}

}  // namespace chimera
