// A verifier that sends what a test wants, over a real connection.

#ifndef CHIMERA_TESTS_DRAFTER_RAW_DRAFTER_STREAM_H_
#define CHIMERA_TESTS_DRAFTER_RAW_DRAFTER_STREAM_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include <chrono>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "chimera/v1/drafter_service.grpc.pb.h"
#include "common/rpc/status_conversion.h"
#include "tests/testing/eventually.h"

namespace chimera::testing {

// One stream, blocking; cancelled when destroyed. One thread.
class RawDrafterStream {
 public:
  explicit RawDrafterStream(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(v1::DrafterService::NewStub(channel)) {
    // Ends a test that would hang.
    context_.set_deadline(std::chrono::system_clock::now() + kEventuallyTimeout);
    context_.set_wait_for_ready(true);
    stream_ = stub_->Draft(&context_);
  }
  ~RawDrafterStream() {
    context_.TryCancel();
    if (!finished_) stream_->Finish();
  }

  // False if the stream has ended.
  bool Send(const v1::DraftRequest& request) { return stream_->Write(request); }

  // The next message, or nothing if the stream has ended.
  std::optional<v1::DraftResponse> Receive() {
    v1::DraftResponse response;
    if (!stream_->Read(&response)) return std::nullopt;
    return response;
  }

  // Sends a message that is answered, and returns the answer, or nothing if the stream has ended.
  std::optional<v1::DraftResponse> Exchange(const v1::DraftRequest& request) {
    if (!Send(request)) return std::nullopt;
    return Receive();
  }

  // Says that no more messages follow.
  void CloseSending() { stream_->WritesDone(); }

  // How the stream ended; drops what is left to receive. Call it once.
  absl::Status Finish() {
    while (Receive().has_value()) {
    }
    finished_ = true;
    return FromGrpcStatus(stream_->Finish(), context_);
  }

 private:
  std::unique_ptr<v1::DrafterService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::DraftRequest, v1::DraftResponse>> stream_;
  bool finished_ = false;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_DRAFTER_RAW_DRAFTER_STREAM_H_
