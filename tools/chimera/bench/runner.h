// Runs a benchmark's blocks.

#ifndef CHIMERA_TOOLS_CHIMERA_BENCH_RUNNER_H_
#define CHIMERA_TOOLS_CHIMERA_BENCH_RUNNER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tools/chimera/bench/prompt_file.h"
#include "tools/chimera/bench/result.h"
#include "tools/chimera/bench/schedule.h"
#include "tools/chimera/cancellation.h"
#include "tools/chimera/command_config.h"
#include "tools/chimera/generation_client.h"

namespace chimera {

// Who answers. The client must outlive whoever uses it.
struct BenchServer {
  GenerationClient* client = nullptr;
  std::string metrics_address;  // "host:port"; empty where it is not known
};

// Sends the prompts of one block after the other, `concurrency` at a time, and keeps the replies.
// Not thread-safe.
class BenchRunner {
 public:
  // Called when the reply to a prompt is complete, from several threads at once.
  using ReplyHandler = std::function<void()>;

  // All references and pointers must outlive the runner. `servers` are those of the configuration.
  BenchRunner(const BenchConfig& config, const std::vector<BenchPrompt>& prompts,
              std::vector<BenchServer> servers, Cancellation* cancellation);

  // Runs a block of the schedule to its end and adds its figures to the mode's, and what the
  // server's steps took meanwhile. At the first failure it cancels everything and returns that
  // failure, naming prompt and mode; it also fails if the server's metrics cannot be read.
  absl::Status RunBlock(const Block& block, const ReplyHandler& on_reply);

  // One entry per mode, complete once all blocks have run.
  const std::vector<ModeResult>& results() const { return results_; }

 private:
  // Runs the prompts, and returns what they took.
  absl::StatusOr<BlockFigures> Answer(const Block& block, const ReplyHandler& on_reply);
  absl::Status RunPrompt(int prompt, int mode);

  const BenchConfig& config_;
  const std::vector<BenchPrompt>& prompts_;
  const std::vector<BenchServer> servers_;
  Cancellation* const cancellation_;
  std::vector<ModeResult> results_;
  // The seed that the first run of each prompt used. Threads of a block touch different entries.
  std::vector<std::optional<uint64_t>> seeds_;
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_BENCH_RUNNER_H_
