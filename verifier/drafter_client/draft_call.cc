#include "verifier/drafter_client/draft_call.h"

#include <utility>

#include "common/base/check.h"
#include "common/rpc/status_conversion.h"

namespace chimera {

DraftCall::DraftCall(const std::shared_ptr<grpc::Channel>& channel, grpc::CompletionQueue* queue)
    : stub_(v1::DrafterService::NewStub(channel)),
      call_(stub_->PrepareAsyncDraft(&context_, queue)) {}

void DraftCall::Start() {
  ++in_flight_;
  call_->StartCall(ToTag(Operation::kStart));
}

void DraftCall::Write(const v1::DraftRequest& request) {
  CHIMERA_CHECK(!writing_);
  writing_ = true;
  ++in_flight_;
  // Serialises at once.
  call_->Write(request, ToTag(Operation::kWrite));
}

void DraftCall::Read() {
  ++in_flight_;
  call_->Read(&response_, ToTag(Operation::kRead));
}

void DraftCall::Finish() {
  ++in_flight_;
  call_->Finish(&status_, ToTag(Operation::kFinish));
}

void DraftCall::Complete(Operation operation) {
  --in_flight_;
  if (operation == Operation::kWrite) writing_ = false;
  if (operation == Operation::kFinish) finished_ = true;
}

void DraftCall::Cancel(absl::Status reason) {
  if (reason_.ok()) reason_ = std::move(reason);
  context_.TryCancel();
}

absl::Status DraftCall::EndReason() const {
  CHIMERA_CHECK(over());
  if (!reason_.ok()) return reason_;
  absl::Status status = FromGrpcStatus(status_, context_);
  if (status.ok()) status = absl::UnavailableError("it closed the link");
  return status;
}

}  // namespace chimera
