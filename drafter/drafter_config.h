// How a drafter is set up.

#ifndef CHIMERA_DRAFTER_DRAFTER_CONFIG_H_
#define CHIMERA_DRAFTER_DRAFTER_CONFIG_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "common/rpc/server_runner.h"
#include "drafter/tree_shape.h"

namespace chimera {

// Which draft model to make.
struct DraftModelChoice {
  // What stands in for a file that is damaged, or was made for another model.
  enum class Fallback { kNone, kNgrams };

  std::string path;  // file of a trained drafter; empty: n-grams are looked up
  Fallback fallback = Fallback::kNone;
};

// A validated value (flags.h).
struct DrafterConfig {
  std::string model_path;  // file of the target model
  DraftModelChoice draft_model;
  TreeShape tree_shape;         // of a trained drafter's trees; empty: as is likely
  std::string device = "cpu";   // of a trained drafter: as BackendOptions::device
  int thread_count = 1;         // that compute; positive
  int32_t max_sequences = 256;  // held at once, over all verifiers; positive
  ServerConfig server;
  std::string metrics_address;  // "host:port" to serve metrics on; empty: nowhere
  std::chrono::milliseconds shutdown_timeout = std::chrono::seconds(5);
  std::string log_level = "info";
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_DRAFTER_CONFIG_H_
