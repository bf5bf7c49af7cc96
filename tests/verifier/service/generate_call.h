// One Generate call as a client makes it.

#ifndef CHIMERA_TESTS_VERIFIER_SERVICE_GENERATE_CALL_H_
#define CHIMERA_TESTS_VERIFIER_SERVICE_GENERATE_CALL_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "chimera/v1/generation_service.grpc.pb.h"
#include "common/rpc/status_conversion.h"

namespace chimera::testing {

// What came so far.
struct Reply {
  std::vector<int32_t> token_ids;
  std::string text;
  std::vector<v1::GenerateChunk> chunks;
  v1::GenerateComplete complete;  // meaningful once the call ended with OK
  absl::Status status;            // likewise once it ended
};

// Longer than any call takes, so that a test fails rather than hang.
inline constexpr std::chrono::seconds kCallTimeout(60);

// Starts the call; the server may learn of it later. Cancelled if it has not ended with the object.
// One thread.
class GenerateCall {
 public:
  GenerateCall(v1::GenerationService::Stub* stub, const v1::GenerateRequest& request,
               std::chrono::milliseconds timeout = kCallTimeout);
  ~GenerateCall();
  GenerateCall(const GenerateCall&) = delete;
  GenerateCall& operator=(const GenerateCall&) = delete;

  // Reads one message. Returns false if there is none any more.
  bool ReadOne();

  // Reads to the end.
  const Reply& Finish();

  void Cancel() { context_.TryCancel(); }

  const Reply& reply() const { return reply_; }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::GenerateResponse>> reader_;
  Reply reply_;
  bool is_complete_ = false;
  bool is_finished_ = false;
};

// Reason and field of an error, as "INVALID_FIELD sampling.top_k"; empty if it has none.
std::string ReasonAndField(const absl::Status& status);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_VERIFIER_SERVICE_GENERATE_CALL_H_
