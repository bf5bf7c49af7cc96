// The command line. Flags are defined and read in flags.cc only.

#ifndef CHIMERA_TOOLS_GPU_BENCH_FLAGS_H_
#define CHIMERA_TOOLS_GPU_BENCH_FLAGS_H_

#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "tools/gpu_bench/config.h"

namespace chimera {

// What the program does and its flags.
std::string GpuBenchHelp();

// Parses flags as --flag=value or --flag value, and sets the process's flags. INVALID_ARGUMENT,
// naming the flag and its limits, where one is unknown, lacks its value or is out of range.
absl::StatusOr<GpuBenchConfig> ParseGpuBenchFlags(std::span<const std::string> arguments);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_FLAGS_H_
