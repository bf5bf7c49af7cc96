// What the command lines of both services share.

#ifndef CHIMERA_COMMON_RPC_SERVICE_FLAGS_H_
#define CHIMERA_COMMON_RPC_SERVICE_FLAGS_H_

#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/rpc/address.h"

namespace chimera {

// Parses the command line with absl::flags: --help and --version end the process, unknown flags and
// values that do not parse end it with a message. Names may be written with dashes,
// --allow-other-weights, or with underscores; `argv` is changed to the latter. `usage` is one
// paragraph. INVALID_ARGUMENT, naming it, for an argument that is no flag.
absl::Status ParseCommandLine(int argc, char** argv, const std::string& usage);

namespace service_flags_internal {

template <typename T>
std::string ToText(T value) {
  return absl::StrCat(value);
}
inline std::string ToText(absl::Duration value) { return absl::FormatDuration(value); }

}  // namespace service_flags_internal

// The flag's value. INVALID_ARGUMENT, naming the flag and its limits, if it is not in [low, high].
template <typename T>
absl::StatusOr<T> ReadInRange(const absl::Flag<T>& flag, T low, T high) {
  using service_flags_internal::ToText;
  const T value = absl::GetFlag(flag);
  if (value >= low && value <= high) return value;
  return absl::InvalidArgumentError(absl::StrCat("--", absl::GetFlagReflectionHandle(flag).Name(),
                                                 " is ", ToText(value), ", must be in [",
                                                 ToText(low), ", ", ToText(high), "]"));
}

// The addresses of a flag's value; an empty entry is an error.
absl::StatusOr<std::vector<Address>> ParseListenAddresses(const std::vector<std::string>& texts);
absl::StatusOr<std::vector<Address>> ParseDialAddresses(const std::vector<std::string>& texts);

// Prints "PROGRAM listening on ADDRESS" for each address on standard output and flushes it: what a
// supervisor waits for, and how port 0 is read back.
void PrintListening(const std::string& program, const std::vector<Address>& addresses);

}  // namespace chimera

#endif  // CHIMERA_COMMON_RPC_SERVICE_FLAGS_H_
