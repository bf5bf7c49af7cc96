#include "verifier/service/generate_reactor.h"

#include <utility>

#include "verifier/service/error_reasons.h"
#include "verifier/service/speculation_messages.h"

namespace chimera {

void GenerateReactor::Start(absl::StatusOr<GenerationRequest> request) {
  {
    MutexLock lock(&mutex_);
    self_ = shared_from_this();
  }
  absl::Status status = request.status();
  if (status.ok()) {
    request_id_ = request->id;
    seed_ = request->sampling.seed;
    // Before Submit: the engine may be done with the request before Submit returns.
    open_calls_->Add();
    status = engine_->Submit(*std::move(request), shared_from_this());
    is_open_ = status.ok();
    if (!is_open_) open_calls_->Remove(this);
  }
  if (!status.ok()) {
    metrics_.requests.rejected[RejectReasonOf(status)].Increment();
    Fail(status);
    return;
  }
  MutexLock lock(&mutex_);
  // A cancellation that came before the engine knew the request.
  if (cancelled_ && !ended_) engine_->Cancel(request_id_, this).IgnoreError();
}

void GenerateReactor::OnTokens(std::span<const int32_t> tokens, absl::string_view text) {
  MutexLock lock(&mutex_);
  pending_.mutable_token_ids()->Add(tokens.begin(), tokens.end());
  pending_.mutable_text()->append(text.data(), text.size());
  Advance();
}

void GenerateReactor::OnFinish(const GenerationResult& result) {
  const std::chrono::duration<double> seconds = clock_.Now() - arrived_;
  metrics_.latency.end_to_end[ReplyStreaming::kOn].Observe(seconds.count());
  open_calls_->AddUnread(shared_from_this());
  MutexLock lock(&mutex_);
  complete_.set_finish_reason(result.finish_reason == FinishReason::kStop
                                  ? v1::FINISH_REASON_STOP
                                  : v1::FINISH_REASON_LENGTH);
  complete_.mutable_usage()->set_prompt_tokens(result.prompt_tokens);
  complete_.mutable_usage()->set_completion_tokens(result.completion_tokens);
  complete_.mutable_usage()->set_total_tokens(result.prompt_tokens + result.completion_tokens);
  complete_.set_seed(seed_);
  ToProto(result, complete_.mutable_speculation());
  complete_.set_request_id(request_id_);
  ended_ = true;
  Advance();
}

void GenerateReactor::OnError(const absl::Status& status) {
  open_calls_->AddUnread(shared_from_this());
  Fail(status);
}

void GenerateReactor::Fail(const absl::Status& status) {
  MutexLock lock(&mutex_);
  status_ = status;
  ended_ = true;
  Advance();
}

void GenerateReactor::OnWriteDone(bool ok) {
  const std::shared_ptr<GenerateReactor> keep_alive = shared_from_this();
  MutexLock lock(&mutex_);
  writing_ = false;
  if (!ok) {
    // The client is gone; OnCancel ends the request.
    pending_.Clear();
  }
  Advance();
}

void GenerateReactor::OnCancel() {
  MutexLock lock(&mutex_);
  cancelled_ = true;
  if (!ended_ && !request_id_.empty()) engine_->Cancel(request_id_, this).IgnoreError();
}

void GenerateReactor::GiveUp() {
  MutexLock lock(&mutex_);
  // After OnDone the context is gone.
  if (self_ != nullptr) context_->TryCancel();
}

void GenerateReactor::OnDone() {
  std::shared_ptr<GenerateReactor> self;
  MutexLock lock(&mutex_);
  self = std::move(self_);
  if (is_open_) open_calls_->Remove(this);
}

void GenerateReactor::Advance() {
  if (writing_ || finished_) return;
  const bool has_chunk = pending_.token_ids_size() > 0 || !pending_.text().empty();
  if (has_chunk && !cancelled_) {
    message_.mutable_chunk()->Swap(&pending_);
    pending_.Clear();
    writing_ = true;
    StartWrite(&message_);
  } else if (ended_) {
    finished_ = true;
    if (!status_.ok()) {
      Finish(ToGrpcStatus(WithReason(status_), context_));
      return;
    }
    message_.mutable_complete()->Swap(&complete_);
    StartWriteAndFinish(&message_, grpc::WriteOptions(), grpc::Status::OK);
  }
}

}  // namespace chimera
