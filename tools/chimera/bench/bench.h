// chimera bench: modes of speculation against each other.

#ifndef CHIMERA_TOOLS_CHIMERA_BENCH_BENCH_H_
#define CHIMERA_TOOLS_CHIMERA_BENCH_BENCH_H_

#include "absl/status/status.h"
#include "tools/chimera/cancellation.h"
#include "tools/chimera/command_config.h"
#include "tools/chimera/terminal.h"

namespace chimera {

// Runs every prompt in every mode, as often as there are rounds, writes the replies to the output
// file, block by block, and prints a JSON line per mode or tables. A reply's index counts on from
// round to round.
absl::Status RunBench(const BenchConfig& config, const Terminal& terminal,
                      Cancellation* cancellation);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_BENCH_BENCH_H_
