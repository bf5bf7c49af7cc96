#include "tools/gpu_bench/host_timing.h"

#include <chrono>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"

namespace chimera {

absl::StatusOr<TimeSpread> TimeOnHost(const Clock& clock, int repetitions,
                                      absl::FunctionRef<absl::Status()> work,
                                      absl::FunctionRef<absl::Status()> preparation) {
  constexpr int kUntimed = 2;
  std::vector<double> seconds;
  for (int i = 0; i < kUntimed + repetitions; ++i) {
    CHIMERA_RETURN_IF_ERROR(preparation());
    const auto start = clock.Now();
    CHIMERA_RETURN_IF_ERROR(work());
    if (i < kUntimed) continue;
    seconds.push_back(std::chrono::duration<double>(clock.Now() - start).count());
  }
  return SpreadOf(std::move(seconds));
}

}  // namespace chimera
