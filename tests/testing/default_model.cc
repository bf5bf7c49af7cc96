#include "tests/testing/default_model.h"

#include <cstdlib>

namespace chimera::testing {
namespace {

// The variable's value, or an empty string.
std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string CachedModelPath() {
  std::string cache = Environment("XDG_CACHE_HOME");
  if (cache.empty()) cache = Environment("HOME") + "/.cache";
  return cache + "/chimera/SmolLM2-135M-Instruct.Q4_1.gguf";
}

}  // namespace

std::string DefaultModelPath() {
  const std::string path = Environment("CHIMERA_MODEL");
  return path.empty() ? CachedModelPath() : path;
}

bool IsOtherModel() { return DefaultModelPath() != CachedModelPath(); }

}  // namespace chimera::testing
