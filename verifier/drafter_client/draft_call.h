// One call of DrafterService.Draft on gRPC's asynchronous API.

#ifndef CHIMERA_VERIFIER_DRAFTER_CLIENT_DRAFT_CALL_H_
#define CHIMERA_VERIFIER_DRAFTER_CLIENT_DRAFT_CALL_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_stream.h>

#include <array>
#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "chimera/v1/drafter_service.grpc.pb.h"

namespace chimera {

// Starts operations and knows which are in flight. Its buffers belong to gRPC while one is, so it
// must live until all have ended. Not thread-safe.
class DraftCall {
 public:
  // What completes in the queue. FromTag tells which, as long as the call lives.
  enum class Operation { kStart, kWrite, kRead, kFinish };
  static Operation FromTag(void* tag) { return *static_cast<Operation*>(tag); }

  // Does nothing yet. `queue` must outlive the call.
  DraftCall(const std::shared_ptr<grpc::Channel>& channel, grpc::CompletionQueue* queue);
  DraftCall(const DraftCall&) = delete;
  DraftCall& operator=(const DraftCall&) = delete;

  void Start();
  // At most one write at a time. The request need not live on.
  void Write(const v1::DraftRequest& request);
  // At most one read at a time; response() holds what it read.
  void Read();
  // Asks for the status with which the call ended. Once, after a read or the start failed.
  void Finish();

  // Takes note that an operation completed.
  void Complete(Operation operation);

  // Makes all that is in flight fail soon. `reason`, not OK, stands for the call's end in place of
  // gRPC's; the first one if there are several.
  void Cancel(absl::Status reason);

  bool writing() const { return writing_; }
  // The call has ended and nothing is in flight: the object may go.
  bool over() const { return finished_ && in_flight_ == 0; }
  const v1::DraftResponse& response() const { return response_; }
  // Why the call ended; not OK. REQUIRES: over().
  absl::Status EndReason() const;

 private:
  void* ToTag(Operation operation) { return &tags_[static_cast<size_t>(operation)]; }

  const std::unique_ptr<v1::DrafterService::Stub> stub_;
  grpc::ClientContext context_;
  const std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::DraftRequest, v1::DraftResponse>> call_;
  v1::DraftResponse response_;  // of the read in flight or completed
  grpc::Status status_;         // of the finish in flight or completed
  absl::Status reason_;         // of the first Cancel
  // Tags are addresses of these, by value.
  std::array<Operation, 4> tags_ = {Operation::kStart, Operation::kWrite, Operation::kRead,
                                    Operation::kFinish};
  int in_flight_ = 0;
  bool writing_ = false;
  bool finished_ = false;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_DRAFTER_CLIENT_DRAFT_CALL_H_
