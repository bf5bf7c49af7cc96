// The command line. Flags are defined and read in flags.cc only.

#ifndef CHIMERA_TOOLS_CPU_BENCH_FLAGS_H_
#define CHIMERA_TOOLS_CPU_BENCH_FLAGS_H_

#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "tools/cpu_bench/config.h"

namespace chimera {

// What the program does and its flags.
std::string CpuBenchHelp();

// Parses flags as --flag=value, --flag value or, for the switch, --json. Reads the environment
// where --model is absent (DefaultModelPath), and sets the process's flags. INVALID_ARGUMENT,
// naming the flag and its limits, where one is unknown, lacks its value or is out of range.
absl::StatusOr<CpuBenchConfig> ParseCpuBenchFlags(std::span<const std::string> arguments);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CPU_BENCH_FLAGS_H_
