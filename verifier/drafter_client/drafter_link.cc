#include "verifier/drafter_client/drafter_link.h"

#include <grpc/support/time.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/async_stream.h>

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/rpc/status_conversion.h"
#include "common/rpc/transport_limits.h"

namespace chimera {
namespace {

using std::chrono::steady_clock;

// A Close is merged with others that wait behind it. So many ids wait only if the drafter does not
// read.
constexpr int kMaxWaitingCloses = 1 << 16;

// Wall-clock time can jump, so gRPC is given the monotonic one.
gpr_timespec ToDeadline(steady_clock::time_point time) {
  if (time == steady_clock::time_point::max()) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  const auto left = std::chrono::ceil<std::chrono::microseconds>(time - steady_clock::now());
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_micros(left.count(), GPR_TIMESPAN));
}

size_t CountDraftsAskedFor(std::span<const DraftUpdate> updates) {
  return static_cast<size_t>(std::ranges::count_if(
      updates, [](const DraftUpdate& update) { return update.node_budget > 0; }));
}

template <typename Operation>
void* ToTag(Operation operation) {
  return reinterpret_cast<void*>(static_cast<intptr_t>(operation));
}

}  // namespace

// One call of Draft. Its buffers belong to gRPC while an operation is in flight, so it lives until
// all have ended.
struct DrafterLink::Stream {
  explicit Stream(const std::shared_ptr<grpc::Channel>& channel)
      : stub(v1::DrafterService::NewStub(channel)) {}

  const std::unique_ptr<v1::DrafterService::Stub> stub;
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::DraftRequest, v1::DraftResponse>> call;
  v1::DraftResponse response;  // of the read in flight
  grpc::Status status;         // of the finish in flight
  int operations = 0;          // in flight
  bool writing = false;
  bool finished = false;
  absl::Status reason;  // why we ended the stream, if we did
};

DrafterLink::DrafterLink(DrafterLinkConfig config, ChannelFactory make_channel)
    : config_(std::move(config)),
      make_channel_(std::move(make_channel)),
      timer_(steady_clock::now()),
      backoff_(config_.backoff) {
  status_.address = config_.address;
  thread_ = std::thread([this] { Run(); });
}

DrafterLink::~DrafterLink() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    if (stream_ != nullptr) stream_->context.TryCancel();
    EndSession();
  }
  // No operation starts once stopping_ is set, as gRPC demands of a queue that is shut down.
  queue_.Shutdown();
  thread_.join();
  MutexLock lock(&mutex_);
  stream_.reset();
}

std::optional<DraftSession> DrafterLink::Session() const {
  MutexLock lock(&mutex_);
  return session_;
}

int64_t DrafterLink::Send(int64_t session_id, std::span<const DraftUpdate> updates) {
  MutexLock lock(&mutex_);
  if (!InSession(session_id) || book_.unanswered() >= config_.max_unanswered_steps ||
      outgoing_bytes_ >= config_.max_queued_bytes) {
    return 0;
  }
  v1::DraftRequest request;
  const HiddenRowShape shape = {.n_tapped = static_cast<int64_t>(session_->tapped_layers.size()),
                                .hidden_size = config_.target.hidden_size};
  WriteStep(updates, shape, request.mutable_step());
  if (request.ByteSizeLong() > kMaxMessageBytes) {
    LogError("step too large to send address={} bytes={}", config_.address, request.ByteSizeLong());
    return 0;
  }
  const int64_t step = book_.AddStep(CountDraftsAskedFor(updates));
  request.mutable_step()->set_step(book_.WireStep(step));
  Write(std::move(request));
  return step;
}

std::optional<std::vector<Draft>> DrafterLink::WaitReply(int64_t step, TimePoint deadline) {
  MutexLock lock(&mutex_);
  while (book_.Awaits(step)) {
    if (!changed_.WaitUntil(&mutex_, deadline)) break;
  }
  return book_.Take(step);
}

bool DrafterLink::HasAnswered(int64_t step) const {
  MutexLock lock(&mutex_);
  return !book_.Awaits(step);
}

void DrafterLink::Close(int64_t session_id, std::span<const int64_t> sequence_ids) {
  MutexLock lock(&mutex_);
  if (!InSession(session_id) || sequence_ids.empty()) return;
  if (!outgoing_.empty() && outgoing_.back().has_close()) {
    v1::Close* const waiting = outgoing_.back().mutable_close();
    waiting->mutable_sequence_ids()->Add(sequence_ids.begin(), sequence_ids.end());
    if (waiting->sequence_ids_size() > kMaxWaitingCloses) {
      Break(absl::ResourceExhaustedError("the drafter does not read"));
    }
    return;
  }
  v1::DraftRequest request;
  request.mutable_close()->mutable_sequence_ids()->Assign(sequence_ids.begin(), sequence_ids.end());
  Write(std::move(request));
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
        OnEvent(static_cast<Operation>(reinterpret_cast<intptr_t>(tag)), ok);
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
  auto stream = std::make_unique<Stream>(make_channel_());
  MutexLock lock(&mutex_);
  if (stopping_) return;
  stream_ = std::move(stream);
  stream_->call = stream_->stub->PrepareAsyncDraft(&stream_->context, &queue_);
  phase_ = Phase::kConnecting;
  timer_ = steady_clock::now() + config_.handshake_timeout;
  ++stream_->operations;
  stream_->call->StartCall(ToTag(Operation::kStart));
}

void DrafterLink::OnEvent(Operation operation, bool ok) {
  MutexLock lock(&mutex_);
  --stream_->operations;
  if (stopping_) return;
  switch (operation) {
    case Operation::kStart:
      OnStarted(ok);
      break;
    case Operation::kWrite:
      OnWritten(ok);
      break;
    case Operation::kRead:
      OnRead(ok);
      break;
    case Operation::kFinish:
      stream_->finished = true;
      break;
  }
  if (stream_->finished && stream_->operations == 0) OnStreamEnded();
}

void DrafterLink::OnStarted(bool ok) {
  if (!ok) return StartFinish();
  v1::DraftRequest request;
  WriteHello(config_.target, request.mutable_hello());
  StartWrite(request);
  StartRead();
}

void DrafterLink::OnWritten(bool ok) {
  stream_->writing = false;
  // After a failure the read fails as well, and takes care of the rest.
  if (!ok || outgoing_.empty()) return;
  outgoing_bytes_ -= outgoing_.front().ByteSizeLong();
  StartWrite(outgoing_.front());
  outgoing_.pop_front();
}

void DrafterLink::OnRead(bool ok) {
  if (!ok) {
    phase_ = Phase::kEnding;
    EndSession();
    return StartFinish();
  }
  if (phase_ != Phase::kEnding) {
    absl::Status status = HandleResponse(stream_->response);
    if (!status.ok()) Break(std::move(status));
  }
  // Even of a broken stream: its end shows as a read that fails.
  StartRead();
}

absl::Status DrafterLink::HandleResponse(const v1::DraftResponse& response) {
  if (phase_ == Phase::kConnecting) {
    if (!response.has_ready()) return absl::InvalidArgumentError("its first message is no Ready");
    return HandleReady(response.ready());
  }
  if (!response.has_reply()) return absl::InvalidArgumentError("a message that is no reply");
  CHIMERA_ASSIGN_OR_RETURN(std::vector<Draft> drafts, ReadReply(response.reply()));
  CHIMERA_RETURN_IF_ERROR(book_.AddReply(response.reply().step(), std::move(drafts)));
  changed_.NotifyAll();
  return absl::OkStatus();
}

absl::Status DrafterLink::HandleReady(const v1::Ready& ready) {
  CHIMERA_RETURN_IF_ERROR(CheckReady(ready, config_.target, config_.other_weights));
  phase_ = Phase::kReady;
  timer_ = TimePoint::max();
  refused_ = false;
  session_start_ = steady_clock::now();
  session_ =
      DraftSession{.id = ++sessions_,
                   .tapped_layers = {ready.tapped_layers().begin(), ready.tapped_layers().end()},
                   .context_window = ready.context_window(),
                   .max_sequences = ready.max_sequences(),
                   .max_nodes = ready.max_nodes()};
  status_.name = ready.name();
  status_.detail.clear();
  status_.other_weights = ready.fingerprint().weights() != config_.target.fingerprint.weights;
  ++status_.connects;
  LogInfo("drafter ready address={} name={} context_window={} tapped_layers={} other_weights={}",
          config_.address, absl::Utf8SafeCEscape(ready.name()), ready.context_window(),
          absl::StrJoin(ready.tapped_layers(), ","), status_.other_weights);
  return absl::OkStatus();
}

void DrafterLink::Write(v1::DraftRequest request) {
  if (!stream_->writing) return StartWrite(request);
  outgoing_bytes_ += request.ByteSizeLong();
  outgoing_.push_back(std::move(request));
}

void DrafterLink::StartWrite(const v1::DraftRequest& request) {
  stream_->writing = true;
  ++stream_->operations;
  // Serialises at once, so the request need not live on.
  stream_->call->Write(request, ToTag(Operation::kWrite));
}

void DrafterLink::StartRead() {
  ++stream_->operations;
  stream_->call->Read(&stream_->response, ToTag(Operation::kRead));
}

void DrafterLink::StartFinish() {
  ++stream_->operations;
  stream_->call->Finish(&stream_->status, ToTag(Operation::kFinish));
}

void DrafterLink::Break(absl::Status reason) {
  if (phase_ == Phase::kEnding) return;
  phase_ = Phase::kEnding;
  EndSession();
  stream_->reason = std::move(reason);
  stream_->context.TryCancel();
}

void DrafterLink::EndSession() {
  outgoing_.clear();
  outgoing_bytes_ = 0;
  if (!session_.has_value()) return;
  session_.reset();
  book_.StartSession();
  changed_.NotifyAll();
}

void DrafterLink::OnStreamEnded() {
  absl::Status reason = stream_->reason;
  if (reason.ok()) reason = FromGrpcStatus(stream_->status, stream_->context);
  if (reason.ok()) reason = absl::UnavailableError("it closed the link");
  stream_.reset();
  const TimePoint now = steady_clock::now();
  // A drafter that dies soon after it was ready does not get a fresh start.
  const bool was_stable =
      session_start_ != TimePoint() && now - session_start_ >= backoff_.Longest();
  if (was_stable) backoff_.Reset();
  session_start_ = TimePoint();
  refused_ = reason.code() == absl::StatusCode::kFailedPrecondition;
  phase_ = Phase::kWaiting;
  timer_ = now + (refused_ ? backoff_.Longest() : backoff_.Next());
  std::string detail =
      absl::StrCat(absl::StatusCodeToString(reason.code()), ": ", reason.message());
  // Once per change, not once per attempt.
  if (detail != status_.detail) {
    LogWarning("drafter {} address={} reason={}", refused_ ? "refused" : "not connected",
               config_.address, absl::Utf8SafeCEscape(detail));
  }
  status_.detail = std::move(detail);
}

bool DrafterLink::InSession(int64_t session_id) const {
  return session_.has_value() && session_->id == session_id;
}

}  // namespace chimera
