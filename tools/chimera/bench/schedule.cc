#include "tools/chimera/bench/schedule.h"

#include <algorithm>

#include "common/base/check.h"

namespace chimera {

std::vector<Block> MakeSchedule(int prompt_count, int mode_count, int block_size) {
  CHIMERA_CHECK(prompt_count > 0 && mode_count > 0 && block_size > 0);
  std::vector<Block> schedule;
  bool reversed = false;
  for (int first = 0; first < prompt_count; first += block_size) {
    const int end = std::min(first + block_size, prompt_count);
    for (int i = 0; i < mode_count; ++i) {
      schedule.push_back({first, end, reversed ? mode_count - 1 - i : i});
    }
    reversed = !reversed;
  }
  return schedule;
}

int BlockSize(int concurrency) { return 2 * concurrency; }

}  // namespace chimera
