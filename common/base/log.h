// Logging. A thin layer, so that the library behind it can be exchanged.

#ifndef CHIMERA_COMMON_BASE_LOG_H_
#define CHIMERA_COMMON_BASE_LOG_H_

#include <spdlog/spdlog.h>

#include <string>
#include <utility>

#include "absl/status/status.h"

namespace chimera {

// Logs go to standard error, one line each. Texts are of the form "drafter ready address={}": an
// event, then fields. What users write and models answer is never logged. Any thread.
template <typename... Arguments>
void LogInfo(spdlog::format_string_t<Arguments...> format, Arguments&&... arguments) {
  spdlog::info(format, std::forward<Arguments>(arguments)...);
}

template <typename... Arguments>
void LogWarning(spdlog::format_string_t<Arguments...> format, Arguments&&... arguments) {
  spdlog::warn(format, std::forward<Arguments>(arguments)...);
}

template <typename... Arguments>
void LogError(spdlog::format_string_t<Arguments...> format, Arguments&&... arguments) {
  spdlog::error(format, std::forward<Arguments>(arguments)...);
}

// Sends logs of `level` and above ("debug", "info", "warning", "error") to standard error, under
// the name of the program. Call once, in main. INVALID_ARGUMENT lists the levels.
absl::Status InitLogging(const std::string& program, const std::string& level);

}  // namespace chimera

#endif  // CHIMERA_COMMON_BASE_LOG_H_
