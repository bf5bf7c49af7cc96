#include "tests/testing/default_model.h"

#include <filesystem>

#include "common/model/default_model_path.h"

namespace chimera::testing {

bool IsOtherModel() {
  return std::filesystem::path(DefaultModelPath()).filename() != std::string(kDefaultModelFileName);
}

}  // namespace chimera::testing
