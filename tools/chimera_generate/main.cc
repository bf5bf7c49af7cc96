// chimera-generate: answers prompts with the target model, for the training of a drafter. Exit
// codes:
// 0 success, 1 failure, 2 wrong usage.

#include <cstdio>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "tools/chimera_generate/flags.h"
#include "tools/chimera_generate/generate.h"

namespace chimera {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

void PrintProgress(const GenerateProgress& progress) {
  const double rate = progress.seconds > 0 ? progress.response_tokens / progress.seconds : 0;
  const double share = static_cast<double>(progress.sequence_count) / progress.prompt_count;
  std::fprintf(stderr, "%ld of %ld prompts, %ld tokens, %.0f tokens/s, %.0f min left\n",
               progress.sequence_count, progress.prompt_count, progress.response_tokens, rate,
               progress.seconds * (1 / share - 1) / 60);
}

int Main(int argc, char** argv) {
  const absl::StatusOr<GenerateConfig> config = ParseGenerateFlags(argc, argv);
  if (!config.ok()) {
    std::fprintf(stderr, "chimera-generate: %s\n", std::string(config.status().message()).c_str());
    return kExitUsage;
  }
  const absl::StatusOr<GenerateProgress> result = Generate(*config, RealClock(), PrintProgress);
  if (!result.ok()) {
    std::fprintf(stderr, "chimera-generate: %s\n", result.status().ToString().c_str());
    return kExitFailure;
  }
  std::fprintf(stderr, "%ld prompts answered, %ld left out as too long, %ld tokens in %.0f s\n",
               result->sequence_count, result->too_long_count, result->response_tokens,
               result->seconds);
  return 0;
}

}  // namespace
}  // namespace chimera

int main(int argc, char** argv) { return chimera::Main(argc, argv); }
