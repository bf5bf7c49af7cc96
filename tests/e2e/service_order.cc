#include "tests/e2e/service_order.h"

#include <iterator>
#include <string>

#include "common/base/check.h"
#include "tests/testing/eventually.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_llama.h"
#include "tests/verifier/service/slow_channel.h"

namespace chimera::testing {
namespace {

using std::chrono::steady_clock;

// Of both services; only a failure takes so long.
constexpr std::chrono::seconds kShutdownTimeout(20);

}  // namespace

const char* Name(ServiceEvent event) {
  constexpr const char* kNames[] = {"start verifier",
                                    "start drafter",
                                    "meet",
                                    "ask",
                                    "read",
                                    "pause drafter",
                                    "resume drafter",
                                    "terminate verifier",
                                    "terminate drafter",
                                    "await verifier",
                                    "await drafter",
                                    "kill verifier",
                                    "kill drafter"};
  static_assert(std::size(kNames) == kServiceEventCount);
  return kNames[static_cast<size_t>(event)];
}

void ServiceOrder::SetUp() {
  // Replies are long, so that much happens during them.
  const std::string path = directory_.path() + "/tiny.gguf";
  WriteTinyLlama(path, {});
  MakeGolden({.model_path = path, .streams = 4, .max_tokens = 400});
  verifier_.reset();
}

bool ServiceOrder::IsPossible(ServiceEvent event) const {
  const Service& verifier = verifier_process_;
  const Service& drafter = drafter_process_;
  switch (event) {
    case ServiceEvent::kStartVerifier:
      return verifier.process == nullptr;
    case ServiceEvent::kStartDrafter:
      return drafter.process == nullptr;
    case ServiceEvent::kMeet:
      return verifier.serves() && drafter.serves() && !drafter.paused;
    case ServiceEvent::kAsk:
      return verifier.serves() && calls_.empty();
    case ServiceEvent::kRead:
      return !calls_.empty();
    case ServiceEvent::kPauseDrafter:
      return drafter.process != nullptr && !drafter.paused;
    case ServiceEvent::kResumeDrafter:
      return drafter.paused;
    case ServiceEvent::kTerminateVerifier:
      return verifier.serves();
    case ServiceEvent::kTerminateDrafter:
      return drafter.serves();
    case ServiceEvent::kAwaitVerifier:
      return verifier.terminated && calls_.empty();
    case ServiceEvent::kAwaitDrafter:
      return drafter.terminated && !drafter.paused;
    case ServiceEvent::kKillVerifier:
      return verifier.process != nullptr;
    case ServiceEvent::kKillDrafter:
      return drafter.process != nullptr;
  }
  return false;
}

void ServiceOrder::Play(ServiceEvent event) {
  SCOPED_TRACE(Name(event));
  CHIMERA_CHECK(IsPossible(event)) << Name(event);
  switch (event) {
    case ServiceEvent::kStartVerifier:
      return StartVerifierProcess();
    case ServiceEvent::kStartDrafter:
      drafter_process_.process = StartDrafterProcess();
      EXPECT_TRUE(Listens(*drafter_process_.process)) << drafter_process_.process->Errors();
      return;
    case ServiceEvent::kMeet:
      EXPECT_TRUE(DrafterIsReady());
      return;
    case ServiceEvent::kAsk:
      return Ask();
    case ServiceEvent::kRead:
      return Read();
    case ServiceEvent::kPauseDrafter:
      drafter_process_.paused = true;
      return drafter_process_.process->Pause();
    case ServiceEvent::kResumeDrafter:
      drafter_process_.paused = false;
      return drafter_process_.process->Resume();
    case ServiceEvent::kTerminateVerifier:
      return Terminate(&verifier_process_);
    case ServiceEvent::kTerminateDrafter:
      return Terminate(&drafter_process_);
    case ServiceEvent::kAwaitVerifier:
      return Await(&verifier_process_);
    case ServiceEvent::kAwaitDrafter:
      return Await(&drafter_process_);
    case ServiceEvent::kKillVerifier:
      Kill(&verifier_process_);
      return calls_.clear();
    case ServiceEvent::kKillDrafter:
      return Kill(&drafter_process_);
  }
}

void ServiceOrder::PlayEnd() {
  for (const ServiceEvent event : {ServiceEvent::kResumeDrafter, ServiceEvent::kTerminateVerifier,
                                   ServiceEvent::kRead, ServiceEvent::kAwaitVerifier,
                                   ServiceEvent::kTerminateDrafter, ServiceEvent::kAwaitDrafter}) {
    if (IsPossible(event)) Play(event);
  }
}

void ServiceOrder::StartVerifierProcess() {
  const Address address = {.unix_path = directory_.path() + "/verifier.sock"};
  verifier_process_.process = std::make_unique<ChildProcess>(
      CHIMERA_VERIFIER_BINARY,
      std::vector<std::string>{"--model", load_.model_path, "--listen", address.ToString(),
                               "--drafter", DrafterAddress().ToString(), "--threads=1",
                               "--metrics_listen=", "--draft_deadline=1s",
                               "--shutdown_timeout=20s"});
  EXPECT_TRUE(Listens(*verifier_process_.process)) << verifier_process_.process->Errors();
  Connect(address.ToString());
  slow_stub_ = v1::GenerationService::NewStub(SlowChannel(address));
}

void ServiceOrder::Ask() {
  for (const v1::GenerateRequest& request : requests_) {
    calls_.push_back(std::make_unique<GenerateCall>(slow_stub_.get(), request));
  }
  for (const auto& call : calls_) EXPECT_TRUE(call->ReadOne()) << call->Finish().status;
}

void ServiceOrder::Read() {
  for (size_t i = 0; i < calls_.size(); ++i) {
    const Reply& reply = calls_[i]->Finish();
    CHIMERA_EXPECT_OK(reply.status);
    EXPECT_EQ(reply.token_ids, golden_[i].token_ids);
    EXPECT_EQ(reply.text, golden_[i].text);
  }
  calls_.clear();
}

void ServiceOrder::Terminate(Service* service) {
  service->terminated = true;
  service->terminated_at = steady_clock::now();
  service->process->Terminate();
}

void ServiceOrder::Await(Service* service) {
  EXPECT_EQ(service->process->Wait(), 0) << service->process->Errors();
  EXPECT_LT(steady_clock::now() - service->terminated_at, kShutdownTimeout);
  *service = {};
}

void ServiceOrder::Kill(Service* service) {
  service->process->Kill();
  service->process->Wait();
  *service = {};
}

}  // namespace chimera::testing
