// Both services with a real model, joined by Unix sockets, in the test's process.

#ifndef CHIMERA_TESTS_E2E_E2E_FIXTURE_H_
#define CHIMERA_TESTS_E2E_E2E_FIXTURE_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "chimera/v1/generation_service.grpc.pb.h"
#include "common/model/llama_model.h"
#include "common/rpc/address.h"
#include "drafter/draft_model.h"
#include "drafter/drafter_server.h"
#include "tests/testing/temp_directory.h"
#include "verifier/verifier_server.h"

namespace chimera::testing {

// A whole reply as a client sees it.
struct ClientReply {
  grpc::Status status;
  std::vector<int32_t> token_ids;
  std::string text;
  v1::GenerateComplete complete;
};

// What must not depend on speculation, as text, so that a failure shows it.
std::string Answer(const ClientReply& reply);

// Candidates of that source that the reply's steps verified.
int64_t VerifiedNodes(const ClientReply& reply, v1::CandidateSource source);

class E2eFixture : public ::testing::Test {
 protected:
  static constexpr int32_t kMaxRunning = 8;

  // Opens the model at `path`, once per process and path.
  void OpenModel(const std::string& path);

  // Where the drafter of a test listens.
  Address DrafterAddress() const;

  // Starts a drafter with `model`, or the n-gram model if it is null.
  void StartDrafter(std::unique_ptr<DraftModel> model);
  void StopDrafter() { drafter_.reset(); }

  // How StartVerifier sets up a verifier unless a test wants it otherwise; with a drafter if the
  // flag says so, which need not run yet. Node planning is off: what a drafter proposes is
  // verified.
  enum class Drafters { kNone, kOne };
  VerifierConfig MakeVerifierConfig(Drafters drafters) const;

  void StartVerifier(const VerifierConfig& config);

  // Makes stub_ call the server at `address`, as VerifierServer or a process of its own.
  void Connect(const std::string& address);

  // Waits until the verifier says READY of its drafter.
  bool DrafterIsReady();
  v1::GetServerInfoResponse ServerInfo();

  // Sends one request and reads the reply to its end; any thread.
  ClientReply Generate(const v1::GenerateRequest& request);

  // Sends all requests, `concurrency` at a time; replies are in the order of the requests.
  std::vector<ClientReply> GenerateAll(const std::vector<v1::GenerateRequest>& requests,
                                       int concurrency);

  TempDirectory directory_;
  std::shared_ptr<const LlamaModel> model_;
  std::unique_ptr<DrafterServer> drafter_;
  std::unique_ptr<VerifierServer> verifier_;
  std::unique_ptr<v1::GenerationService::Stub> stub_;
  bool wait_for_ready_ = true;  // whether Generate waits for a server that is not there
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_E2E_E2E_FIXTURE_H_
