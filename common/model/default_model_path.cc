#include "common/model/default_model_path.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace chimera {
namespace {

std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string CacheFolder() {
  if (const std::string base = Environment("XDG_CACHE_HOME"); !base.empty()) {
    return base + "/chimera";
  }
  return Environment("HOME") + "/.cache/chimera";
}

}  // namespace

std::string DefaultModelPath() {
  if (std::string model = Environment("CHIMERA_MODEL"); !model.empty()) return model;
  return absl::StrCat(CacheFolder(), "/", kDefaultModelFileName);
}

}  // namespace chimera
