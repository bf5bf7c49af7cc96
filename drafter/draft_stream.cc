#include "drafter/draft_stream.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/rpc/status_conversion.h"

namespace chimera {

DraftStream::DraftStream(v1::DrafterService::AsyncService* service,
                         grpc::ServerCompletionQueue* queue, const TargetInfo* target,
                         DraftModel* model, SequenceCapacity* capacity)
    : stream_(&context_), conversation_(target, model, capacity) {
  StartAccept(service, queue);
}

void DraftStream::StartAccept(v1::DrafterService::AsyncService* service,
                              grpc::ServerCompletionQueue* queue) {
  accept_.in_flight = true;
  service->RequestDraft(&context_, &stream_, queue, queue, &accept_);
}

void DraftStream::StartRead() {
  read_.in_flight = true;
  stream_.Read(&request_, &read_);
}

void DraftStream::StartWrite() {
  write_.in_flight = true;
  stream_.Write(response_, &write_);
}

void DraftStream::Finish() {
  finish_.in_flight = true;
  stream_.Finish(ToGrpcStatus(*end_status_, &context_), &finish_);
}

void DraftStream::End(const absl::Status& status) {
  if (end_status_.has_value()) return;
  end_status_ = status;
  LogInfo("stream ended peer={} status={}", context_.peer(), status.ToString());
  if (!write_.in_flight) Finish();
}

DraftStream::Event DraftStream::Complete(Operation* operation, bool ok) {
  operation->in_flight = false;
  switch (operation->kind) {
    case Operation::Kind::kAccept:
      if (!ok) return Event::kFinished;  // the server stops
      accepted_ = true;
      StartRead();
      return Event::kAccepted;
    case Operation::Kind::kRead:
      if (!end_status_.has_value()) return AfterRead(ok);
      break;
    case Operation::Kind::kWrite:
      if (!end_status_.has_value()) return AfterWrite(ok);
      Finish();
      break;
    case Operation::Kind::kFinish:
      break;
  }
  const bool idle = !read_.in_flight && !write_.in_flight && !finish_.in_flight;
  return idle ? Event::kFinished : Event::kNone;
}

DraftStream::Event DraftStream::AfterRead(bool ok) {
  if (!ok) {
    // The verifier has no more to say, or is gone.
    End(absl::OkStatus());
    return Event::kNone;
  }
  if (write_.in_flight) {
    request_waiting_ = true;
    return Event::kNone;
  }
  return Receive();
}

DraftStream::Event DraftStream::AfterWrite(bool ok) {
  if (!ok) {
    End(absl::CancelledError("the verifier is gone"));
    return Event::kNone;
  }
  if (!request_waiting_) return Event::kNone;
  request_waiting_ = false;
  return Receive();
}

DraftStream::Event DraftStream::Receive() {
  const absl::StatusOr<DraftConversation::Action> action = conversation_.Receive(request_);
  if (!action.ok()) {
    End(action.status());
    return Event::kRefused;
  }
  switch (*action) {
    case DraftConversation::Action::kSendReady:
      LogInfo("stream ready peer={}", context_.peer());
      conversation_.WriteReady(&response_);
      StartWrite();
      StartRead();
      return Event::kNone;
    case DraftConversation::Action::kNothing:
      StartRead();
      return Event::kNone;
    case DraftConversation::Action::kDraft:
      break;
  }
  return Event::kStepReady;
}

const v1::StepReply& DraftStream::Reply(std::span<const ProposedTree> trees) {
  CHIMERA_CHECK(!write_.in_flight && !read_.in_flight) << "the last step is not done";
  conversation_.WriteReply(trees, &response_);
  StartWrite();
  StartRead();
  return response_.reply();
}

}  // namespace chimera
