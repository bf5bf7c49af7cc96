// Takes chimera-verifier's place in tests: serves a fake GenerationService at --listen until
// SIGTERM. FAKE_DRAFTER_STATE=refused makes it say so of its drafter, FAKE_DRAFTER_STATE=connecting
// likewise. Its arguments go to standard error, like a log.

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>

#include "common/rpc/address.h"
#include "common/rpc/termination_signals.h"
#include "tests/tools/chimera/fake_server.h"

namespace chimera::testing {
namespace {

v1::GetServerInfoResponse MakeServerInfo(const std::string& drafter_state) {
  v1::GetServerInfoResponse info;
  v1::DrafterInfo* drafter = info.add_drafters();
  drafter->set_state(v1::DRAFTER_STATE_READY);
  if (drafter_state == "refused") {
    drafter->set_state(v1::DRAFTER_STATE_REFUSED);
    drafter->set_detail("made for another model");
  } else if (drafter_state == "connecting") {
    drafter->set_state(v1::DRAFTER_STATE_CONNECTING);
  }
  return info;
}

int Main(int argc, char** argv) {
  Address address;
  for (int i = 1; i < argc; ++i) {
    std::cerr << argv[i] << " ";
    if (strcmp(argv[i], "--listen") == 0 && i + 1 < argc)
      address = ParseListenAddress(argv[i + 1]).value();
  }
  std::cerr << std::endl;
  BlockTerminationSignals();
  FakeGenerationService service;
  const char* state = std::getenv("FAKE_DRAFTER_STATE");
  service.SetServerInfo(MakeServerInfo(state == nullptr ? "" : state));
  const FakeServer server(address, &service);
  WaitForTermination();
  return 0;
}

}  // namespace
}  // namespace chimera::testing

int main(int argc, char** argv) { return chimera::testing::Main(argc, argv); }
