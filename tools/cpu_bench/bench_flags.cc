#include "tools/cpu_bench/bench_flags.h"

#include <algorithm>
#include <utility>

#include "absl/flags/commandlineflag.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"

namespace chimera {

bool AsksForHelp(std::span<const std::string> arguments) {
  return std::find(arguments.begin(), arguments.end(), "--help") != arguments.end();
}

std::string FlagsHelp(std::span<const absl::string_view> flags) {
  std::string help;
  for (const absl::string_view name : flags) {
    absl::StrAppendFormat(&help, "  --%-13s%s\n", name, absl::FindCommandLineFlag(name)->Help());
  }
  return help;
}

// absl::ParseCommandLine would take the flags of libraries as well, and end the process itself.
absl::Status SetFlags(std::span<const absl::string_view> flags,
                      std::span<const std::string> arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!absl::StartsWith(argument, "--")) {
      return UsageError("unexpected argument \"", argument, "\"");
    }
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(absl::string_view(argument).substr(2), absl::MaxSplits('=', 1));
    const absl::string_view name = parts.first;
    if (std::find(flags.begin(), flags.end(), name) == flags.end()) {
      return UsageError("there is no flag --", name);
    }
    absl::CommandLineFlag* const flag = absl::FindCommandLineFlag(name);
    std::string value(parts.second);
    if (!absl::StrContains(argument, '=')) {
      if (flag->IsOfType<bool>()) {
        value = "true";
      } else if (i + 1 == arguments.size()) {
        return UsageError("--", name, " needs a value");
      } else {
        value = arguments[++i];
      }
    }
    std::string error;
    if (!flag->ParseFrom(value, &error)) {
      return UsageError("--", name, " cannot be \"", value, "\"");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRange(absl::string_view flag, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return UsageError("--", flag, " is ", value, ", must be in [", low, ", ", high, "]");
}

absl::StatusOr<int32_t> ReadInRange(const absl::Flag<int32_t>& flag, int32_t low, int32_t high) {
  const int32_t value = absl::GetFlag(flag);
  CHIMERA_RETURN_IF_ERROR(CheckRange(absl::GetFlagReflectionHandle(flag).Name(), value, low, high));
  return value;
}

}  // namespace chimera
