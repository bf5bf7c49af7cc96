// The public API.

#ifndef CHIMERA_VERIFIER_SERVICE_GENERATION_SERVICE_H_
#define CHIMERA_VERIFIER_SERVICE_GENERATION_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <vector>

#include "chimera/v1/generation_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/metrics/verifier_metrics.h"
#include "common/model/llama_model.h"
#include "verifier/drafter_client/draft_source.h"
#include "verifier/engine/engine.h"
#include "verifier/service/open_calls.h"
#include "verifier/service/request_reader.h"

namespace chimera {

// What the service speaks for; everything must outlive it.
struct GenerationServiceParts {
  const LlamaModel* model = nullptr;
  const Backend* backend = nullptr;
  Engine* engine = nullptr;
  const RequestReader* reader = nullptr;
  VerifierMetrics* metrics = nullptr;
  const Clock* clock = nullptr;
  std::vector<const DraftSource*> draft_sources;
  std::function<uint64_t()> random;  // seeds and request ids; any thread
};

// GenerationService over the engine, in gRPC's callback API: methods run on gRPC's threads and only
// read requests and move messages. Thread-safe.
class GenerationService final : public v1::GenerationService::CallbackService {
 public:
  explicit GenerationService(GenerationServiceParts parts) : parts_(std::move(parts)) {}

  // From now on GetServerInfo says so. Refusing requests is the engine's part.
  void SetDraining() { draining_.store(true); }

  // Waits until the clients of all Generate calls that the engine took have read the end of their
  // replies, or until `deadline`.
  void WaitForClients(std::chrono::steady_clock::time_point deadline) {
    open_calls_.WaitUntilNone(deadline);
  }

  grpc::ServerWriteReactor<v1::GenerateResponse>* Generate(
      grpc::CallbackServerContext* context, const v1::GenerateRequest* request) override;
  grpc::ServerUnaryReactor* Tokenize(grpc::CallbackServerContext* context,
                                     const v1::TokenizeRequest* request,
                                     v1::TokenizeResponse* response) override;
  grpc::ServerUnaryReactor* Detokenize(grpc::CallbackServerContext* context,
                                       const v1::DetokenizeRequest* request,
                                       v1::DetokenizeResponse* response) override;
  grpc::ServerUnaryReactor* GetModelInfo(grpc::CallbackServerContext* context,
                                         const v1::GetModelInfoRequest* request,
                                         v1::GetModelInfoResponse* response) override;
  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context,
                                          const v1::GetServerInfoRequest* request,
                                          v1::GetServerInfoResponse* response) override;
  grpc::ServerUnaryReactor* Abort(grpc::CallbackServerContext* context,
                                  const v1::AbortRequest* request,
                                  v1::AbortResponse* response) override;

 private:
  const GenerationServiceParts parts_;
  std::atomic<bool> draining_{false};
  OpenCalls open_calls_;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_SERVICE_GENERATION_SERVICE_H_
