// The order in which prompts run in the modes.

#ifndef CHIMERA_TOOLS_CHIMERA_BENCH_SCHEDULE_H_
#define CHIMERA_TOOLS_CHIMERA_BENCH_SCHEDULE_H_

#include <vector>

namespace chimera {

// Prompts [first_prompt, end_prompt) in one mode. Modes count from 0, in the order the user named
// them.
struct Block {
  int first_prompt;
  int end_prompt;
  int mode;

  bool operator==(const Block&) const = default;
};

// Cuts the prompts into blocks of `block_size` (the last may be smaller) and runs each block in
// every mode, every second one in reverse order: 0 1, 1 0, 0 1, ... for two modes. So every mode
// sees every prompt once, and a machine that slows down or speeds up does so for all modes alike.
// All arguments are positive.
std::vector<Block> MakeSchedule(int prompt_count, int mode_count, int block_size);

// The block size for so many streams in flight: two rounds of streams, so that streams which end
// early are replaced, while there are still many blocks.
int BlockSize(int concurrency);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_BENCH_SCHEDULE_H_
