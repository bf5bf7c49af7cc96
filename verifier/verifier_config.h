// How a verifier is set up.

#ifndef CHIMERA_VERIFIER_VERIFIER_CONFIG_H_
#define CHIMERA_VERIFIER_VERIFIER_CONFIG_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "common/backend/numerics.h"
#include "common/rpc/address.h"
#include "common/rpc/server_runner.h"
#include "verifier/drafter_client/draft_messages.h"
#include "verifier/engine/engine_config.h"

namespace chimera {

// A validated value (flags.h).
struct VerifierConfig {
  std::string model_path;
  std::vector<Address> listen_addresses;
  std::string metrics_address;             // "host:port" to serve metrics on; empty: nowhere
  std::vector<Address> drafter_addresses;  // may be empty
  OtherWeights other_weights = OtherWeights::kRefuse;
  std::string device = "cpu";
  Numerics numerics = Numerics::kStrict;
  int32_t thread_count = 2;
  int32_t kv_page_count = 0;  // 0: as many as max_running_requests full contexts need, within a
                              // quarter of the machine's memory, or what is free of the device's
  EngineConfig engine;
  std::chrono::milliseconds shutdown_timeout = std::chrono::seconds(30);
  Reflection reflection = Reflection::kOn;
  std::string log_level = "info";
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_VERIFIER_CONFIG_H_
