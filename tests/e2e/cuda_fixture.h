// A small model on a CUDA device, or on an emulated one, behind the real services.

#ifndef CHIMERA_TESTS_E2E_CUDA_FIXTURE_H_
#define CHIMERA_TESTS_E2E_CUDA_FIXTURE_H_

#include <cstdint>
#include <vector>

#include "tests/e2e/e2e_fixture.h"
#include "tests/testing/faulty_backend.h"
#include "tests/testing/gated_backend.h"

namespace chimera::testing {

// Which of the two it is depends on the libraries that the program links.
class CudaFixture : public E2eFixture {
 protected:
  static constexpr int32_t kMaxRunningOnCuda = 3;
  static constexpr int32_t kContextLength = 128;

  CudaFixture();
  ~CudaFixture() override { verifier_.reset(); }  // before the gate

  // Opens the model: two layers, four heads of queries to two of keys, 512 tokens. Skips the test
  // where there is no device.
  void SetUp() override;

  // A verifier with room for kMaxRunningOnCuda requests that fill their contexts.
  VerifierConfig MakeCudaConfig(Drafters drafters) const;

  // The model on device 0, with what VerifierServer::Load gives a backend. Errors: those of
  // CudaBackend::Create.
  absl::StatusOr<LoadedModel> LoadOnCuda(const VerifierConfig& config) const;

  // As StartVerifier, on device 0, with a backend that has the fault; ends the test program where
  // LoadOnCuda fails.
  void StartCudaVerifier(const VerifierConfig& config, BackendFault fault = BackendFault::kNone);

  // Starts such a verifier and, when its drafter is ready, sends all requests. The first step waits
  // until all are known to it, so how they get into each other's way does not depend on how long
  // steps take.
  std::vector<ClientReply> GenerateTogether(const VerifierConfig& config, BackendFault fault,
                                            const std::vector<v1::GenerateRequest>& requests);

  // A request to continue these tokens, whatever the model wants.
  static v1::GenerateRequest MakeRequest(const std::vector<int32_t>& prompt, int32_t max_tokens);

 private:
  StepGate gate_;  // of the verifier's steps
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_E2E_CUDA_FIXTURE_H_
