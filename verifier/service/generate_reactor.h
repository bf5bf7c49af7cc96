// One Generate call.

#ifndef CHIMERA_VERIFIER_SERVICE_GENERATE_REACTOR_H_
#define CHIMERA_VERIFIER_SERVICE_GENERATE_REACTOR_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "chimera/v1/generation_service.pb.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/metrics/verifier_metrics.h"
#include "verifier/engine/engine.h"
#include "verifier/engine/generation_request.h"
#include "verifier/service/open_calls.h"

namespace chimera {

// Carries a reply from the engine to gRPC, one message at a time: what comes while a message is
// being sent is merged into the next, so a slow reader costs no more memory than its reply. Of
// ended replies that wait for their readers, OpenCalls bounds the number.
//
// gRPC and the engine share the object; it lives until both have let go. Thread-safe.
class GenerateReactor final : public grpc::ServerWriteReactor<v1::GenerateResponse>,
                              public GenerationSink,
                              public OpenCall,
                              public std::enable_shared_from_this<GenerateReactor> {
 public:
  // The call has just arrived. All must outlive it.
  GenerateReactor(Engine* engine, VerifierMetrics* metrics, const Clock* clock,
                  OpenCalls* open_calls, grpc::CallbackServerContext* context)
      : engine_(engine),
        metrics_(*metrics),
        clock_(*clock),
        open_calls_(open_calls),
        context_(context),
        arrived_(clock->Now()) {}

  // Hands `request` to the engine, or ends the call with its error. Call once, after the reactor is
  // owned by a shared_ptr.
  void Start(absl::StatusOr<GenerationRequest> request);

  void OnTokens(std::span<const int32_t> tokens, absl::string_view text) override;
  void OnFinish(const GenerationResult& result) override;
  void OnError(const absl::Status& status) override;

  void GiveUp() override;

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // Ends the call with an error.
  void Fail(const absl::Status& status);

  // Starts the next write, or ends the call when nothing is left to say.
  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Engine* const engine_;
  VerifierMetrics& metrics_;
  const Clock& clock_;
  OpenCalls* const open_calls_;
  grpc::CallbackServerContext* const context_;
  const std::chrono::steady_clock::time_point arrived_;
  std::string request_id_;  // constant after Start
  uint64_t seed_ = 0;       // likewise
  bool is_open_ = false;    // likewise; counted in open_calls_

  Mutex mutex_;
  std::shared_ptr<GenerateReactor> self_ ABSL_GUARDED_BY(mutex_);  // gRPC's share
  v1::GenerateChunk pending_ ABSL_GUARDED_BY(mutex_);
  v1::GenerateResponse message_ ABSL_GUARDED_BY(mutex_);   // being sent
  v1::GenerateComplete complete_ ABSL_GUARDED_BY(mutex_);  // meaningful once ended_ with OK
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;     // the engine has nothing more to say
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;  // gRPC was told so
  // By the client, its deadline or a broken stream.
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_SERVICE_GENERATE_REACTOR_H_
