// What the command lines of the benchmarks have in common.

#ifndef CHIMERA_TOOLS_CPU_BENCH_BENCH_FLAGS_H_
#define CHIMERA_TOOLS_CPU_BENCH_BENCH_FLAGS_H_

#include <cstdint>
#include <span>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace chimera {

// Whether `arguments`, the command line after the program's name, ask for help.
bool AsksForHelp(std::span<const std::string> arguments);

// A line for each flag of the program, with its description.
std::string FlagsHelp(std::span<const absl::string_view> flags);

// Sets those of the process's flags that `arguments` name, as --flag=value, --flag value or, for a
// switch, --flag. INVALID_ARGUMENT, naming the flag, where one is not of `flags`, the program's,
// lacks its value or cannot have it.
absl::Status SetFlags(std::span<const absl::string_view> flags,
                      std::span<const std::string> arguments);

// INVALID_ARGUMENT, naming the flag and its limits, where the value is not in [low, high].
absl::Status CheckRange(absl::string_view flag, int64_t value, int64_t low, int64_t high);

// The flag's value; errors as above.
absl::StatusOr<int32_t> ReadInRange(const absl::Flag<int32_t>& flag, int32_t low, int32_t high);

// INVALID_ARGUMENT.
template <typename... Parts>
absl::Status UsageError(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CPU_BENCH_BENCH_FLAGS_H_
