// One stream of DrafterService.Draft on the asynchronous API.

#ifndef CHIMERA_DRAFTER_DRAFT_STREAM_H_
#define CHIMERA_DRAFTER_DRAFT_STREAM_H_

#include <grpcpp/completion_queue.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "chimera/v1/drafter_service.grpc.pb.h"
#include "common/model/target_info.h"
#include "drafter/draft_conversation.h"

namespace chimera {

// Waits for one call, serves it, and ends. At most one read and one write are in flight, and no
// message is handled before the answer to the last one is written: a verifier that does not read
// cannot make the drafter collect replies. Drafter thread only.
class DraftStream {
 public:
  // An operation in flight; its address is the tag in the completion queue.
  struct Operation {
    enum class Kind { kAccept, kRead, kWrite, kFinish };

    DraftStream* stream;
    Kind kind;
    bool in_flight = false;
  };

  // What the service has to do after an operation completed.
  enum class Event {
    kNone,
    kAccepted,   // a call has begun: let another stream wait for the next
    kStepReady,  // draft for conversation().inputs(), then call Reply
    kRefused,    // a message was refused, and the call is ending with end_status()
    kFinished,   // nothing is in flight any more: destroy the stream
  };

  // Asks `service` for a call; completions come from `queue`. `conversation` says what to answer.
  DraftStream(v1::DrafterService::AsyncService* service, grpc::ServerCompletionQueue* queue,
              const TargetInfo* target, DraftModel* model, SequenceCapacity* capacity);
  DraftStream(const DraftStream&) = delete;
  DraftStream& operator=(const DraftStream&) = delete;

  // Goes on after `operation` completed; `ok` is the queue's.
  Event Complete(Operation* operation, bool ok);

  // The StepRequest that is to be answered, after kStepReady.
  std::span<const DraftInput> inputs() const { return conversation_.inputs(); }

  // Answers it and returns the answer, which stays as it is until the next operation completes.
  // `trees`: one per input.
  const v1::StepReply& Reply(std::span<const ProposedTree> trees);

  // Ends the call with `status`, after the write that is in flight. Does nothing if it is ending
  // already. REQUIRES: accepted.
  void End(const absl::Status& status);

  // Makes all that is in flight complete soon. REQUIRES: accepted.
  void Cancel() { context_.TryCancel(); }

  // What the call ends with. REQUIRES: it is ending.
  const absl::Status& end_status() const { return *end_status_; }

  bool accepted() const { return accepted_; }

 private:
  void StartAccept(v1::DrafterService::AsyncService* service, grpc::ServerCompletionQueue* queue);
  void StartRead();
  void StartWrite();
  void Finish();
  Event Receive();
  Event AfterRead(bool ok);
  Event AfterWrite(bool ok);

  grpc::ServerContext context_;
  grpc::ServerAsyncReaderWriter<v1::DraftResponse, v1::DraftRequest> stream_;
  DraftConversation conversation_;
  v1::DraftRequest request_;
  v1::DraftResponse response_;

  Operation accept_ = {.stream = this, .kind = Operation::Kind::kAccept};
  Operation read_ = {.stream = this, .kind = Operation::Kind::kRead};
  Operation write_ = {.stream = this, .kind = Operation::Kind::kWrite};
  Operation finish_ = {.stream = this, .kind = Operation::Kind::kFinish};

  bool accepted_ = false;
  bool request_waiting_ = false;            // request_ was read while a write was in flight
  std::optional<absl::Status> end_status_;  // set once the call is ending
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_DRAFT_STREAM_H_
