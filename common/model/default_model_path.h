// Where the model is when nobody says so.

#ifndef CHIMERA_COMMON_MODEL_DEFAULT_MODEL_PATH_H_
#define CHIMERA_COMMON_MODEL_DEFAULT_MODEL_PATH_H_

#include <string>

#include "absl/strings/string_view.h"

namespace chimera {

inline constexpr absl::string_view kDefaultModelFileName = "SmolLM2-135M-Instruct.Q4_1.gguf";

// The environment variable CHIMERA_MODEL if it is set, else where scripts/setup puts the default
// model: kDefaultModelFileName in the folder "chimera" of XDG_CACHE_HOME, or of ~/.cache. The file
// need not exist: opening it then says what is missing.
std::string DefaultModelPath();

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_DEFAULT_MODEL_PATH_H_
