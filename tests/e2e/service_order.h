// The two services as processes, started and ended in any order.

#ifndef CHIMERA_TESTS_E2E_SERVICE_ORDER_H_
#define CHIMERA_TESTS_E2E_SERVICE_ORDER_H_

#include <chrono>
#include <memory>
#include <vector>

#include "tests/e2e/drafter_faults.h"
#include "tests/testing/child_process.h"
#include "tests/verifier/service/generate_call.h"

namespace chimera::testing {

enum class ServiceEvent {
  kStartVerifier,  // and wait until it listens
  kStartDrafter,
  kMeet,  // wait until the verifier says READY of the drafter
  kAsk,   // clients ask, and read no more than the first tokens: their calls stay open
  kRead,  // they read on to the end, and get the golden replies
  kPauseDrafter,
  kResumeDrafter,
  kTerminateVerifier,  // SIGTERM, without waiting
  kTerminateDrafter,
  kAwaitVerifier,  // it has exited with 0, and within its shutdown timeout from SIGTERM
  kAwaitDrafter,
  kKillVerifier,  // kill -9; calls that are open are lost
  kKillDrafter,
};
inline constexpr int kServiceEventCount = 13;

const char* Name(ServiceEvent event);

class ServiceOrder : public DrafterFaults {
 protected:
  void SetUp() override;

  // Whether the event makes sense now.
  bool IsPossible(ServiceEvent event) const;
  // Makes it happen. REQUIRES: it is possible.
  void Play(ServiceEvent event);
  // Plays what ends both services in good order.
  void PlayEnd();

 private:
  struct Service {
    bool serves() const { return process != nullptr && !terminated; }

    std::unique_ptr<ChildProcess> process;
    bool terminated = false;
    bool paused = false;
    std::chrono::steady_clock::time_point terminated_at;
  };

  void StartVerifierProcess();
  void Ask();
  void Read();
  static void Terminate(Service* service);
  static void Await(Service* service);
  void Kill(Service* service);

  Service verifier_process_;
  Service drafter_process_;
  std::unique_ptr<v1::GenerationService::Stub> slow_stub_;
  std::vector<std::unique_ptr<GenerateCall>> calls_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_E2E_SERVICE_ORDER_H_
