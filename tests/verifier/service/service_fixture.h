// A verifier with a tiny model on a Unix socket, whose steps a test can hold back.

#ifndef CHIMERA_TESTS_VERIFIER_SERVICE_SERVICE_FIXTURE_H_
#define CHIMERA_TESTS_VERIFIER_SERVICE_SERVICE_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "chimera/v1/generation_service.grpc.pb.h"
#include "common/model/llama_model.h"
#include "common/rpc/address.h"
#include "tests/testing/eventually.h"
#include "tests/testing/gated_backend.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/verifier/service/generate_call.h"
#include "verifier/verifier_config.h"
#include "verifier/verifier_server.h"

namespace chimera::testing {

// Words that the fixture's model has tokens for.
inline constexpr char kPrompt[] = "the rain in the other lot";

// The server is reached through `stub_` and gone with the test.
class ServiceFixture : public ::testing::Test {
 protected:
  static constexpr int32_t kContextLength = 512;
  static constexpr int32_t kPagesPerRequest = kContextLength / 16;
  static constexpr int32_t kMaxRunning = 4;

  ServiceFixture();
  ~ServiceFixture() override;

  // Room for kMaxRunning requests that fill their contexts; every node that a drafter proposes is
  // verified.
  VerifierConfig Config() const;

  void Start(const VerifierConfig& config);

  v1::GetServerInfoResponse ServerInfo();

  // Waits until the server says that so many requests run and wait.
  bool WaitForLoad(int32_t running, int32_t waiting);

  // Expects that every slot and page becomes free.
  void ExpectIdle();

  // Sends a request and reads the reply to its end; any thread.
  Reply Generate(const v1::GenerateRequest& request);

  std::vector<int32_t> Tokenize(const std::string& text);
  absl::Status Abort(const std::string& request_id);

  Address SocketAddress(const std::string& name) const;

  const TempDirectory directory_;
  StepGate gate_;
  std::shared_ptr<const LlamaModel> model_;
  std::unique_ptr<VerifierServer> verifier_;
  std::unique_ptr<v1::GenerationService::Stub> stub_;
};

// A request for `max_tokens` tokens after `text`, whatever the model wants.
v1::GenerateRequest TextRequest(const std::string& text, int32_t max_tokens);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_VERIFIER_SERVICE_SERVICE_FIXTURE_H_
