// A GenerationService that says what a test tells it to.

#ifndef CHIMERA_TESTS_TOOLS_CHIMERA_FAKE_GENERATION_SERVICE_H_
#define CHIMERA_TESTS_TOOLS_CHIMERA_FAKE_GENERATION_SERVICE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "chimera/v1/generation_service.grpc.pb.h"
#include "common/base/mutex.h"

namespace chimera::testing {

// One call of Generate as a script sees it. Valid during the call.
struct FakeCall {
  const v1::GenerateRequest& request;
  grpc::ServerContext* context;
  grpc::ServerWriter<v1::GenerateResponse>* writer;

  // Sends a chunk. False once the client is gone.
  bool SendChunk(const std::vector<int32_t>& token_ids, const std::string& text) const;
  void SendComplete(const v1::GenerateComplete& complete) const;
};

// Answers calls by a script. Thread-safe.
class FakeGenerationService final : public v1::GenerationService::Service {
 public:
  using Script = std::function<grpc::Status(const FakeCall&)>;

  // The default script says three words, the last of them the prompt's last message or text, one
  // token a step with speculation off and all in one step otherwise. Its seed is the request's, or
  // 77.
  FakeGenerationService();

  void SetScript(Script script);
  void SetServerInfo(const v1::GetServerInfoResponse& info);

  // All requests of Generate so far, in the order of arrival.
  std::vector<v1::GenerateRequest> requests() const;

  // The most calls of Generate that were open at once.
  int most_open_calls() const;

  grpc::Status Generate(grpc::ServerContext* context, const v1::GenerateRequest* request,
                        grpc::ServerWriter<v1::GenerateResponse>* writer) override;
  grpc::Status GetModelInfo(grpc::ServerContext* context, const v1::GetModelInfoRequest* request,
                            v1::GetModelInfoResponse* response) override;
  grpc::Status GetServerInfo(grpc::ServerContext* context, const v1::GetServerInfoRequest* request,
                             v1::GetServerInfoResponse* response) override;

 private:
  mutable Mutex mutex_;
  Script script_ ABSL_GUARDED_BY(mutex_);
  v1::GetServerInfoResponse info_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::GenerateRequest> requests_ ABSL_GUARDED_BY(mutex_);
  int open_calls_ ABSL_GUARDED_BY(mutex_) = 0;
  int most_open_calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

// The default script.
grpc::Status SayThreeWords(const FakeCall& call);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TOOLS_CHIMERA_FAKE_GENERATION_SERVICE_H_
