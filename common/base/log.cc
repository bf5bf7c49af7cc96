#include "common/base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>

#include <map>
#include <memory>

#include "absl/strings/str_cat.h"

namespace chimera {

absl::Status InitLogging(const std::string& program, const std::string& level) {
  static const auto* const levels =
      new std::map<std::string, spdlog::level::level_enum>{{"debug", spdlog::level::debug},
                                                           {"info", spdlog::level::info},
                                                           {"warning", spdlog::level::warn},
                                                           {"error", spdlog::level::err}};
  const auto found = levels->find(level);
  if (found == levels->end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("log level \"", level, "\" is not one of debug, info, warning, error"));
  }
  const auto logger = spdlog::stderr_color_mt(program);
  logger->set_level(found->second);
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %n: %v");
  spdlog::set_default_logger(logger);
  return absl::OkStatus();
}

}  // namespace chimera
