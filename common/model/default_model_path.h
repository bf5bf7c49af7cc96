// Where the model is when nobody says so.

#ifndef CHIMERA_COMMON_MODEL_DEFAULT_MODEL_PATH_H_
#define CHIMERA_COMMON_MODEL_DEFAULT_MODEL_PATH_H_

#include <string>

namespace chimera {

// The environment variable CHIMERA_MODEL if it is set, else where scripts/setup puts the default
// model: SmolLM2-135M-Instruct.Q4_1.gguf in CHIMERA_CACHE, or in the folder "chimera" of
// XDG_CACHE_HOME, or of ~/.cache.
std::string DefaultModelPath();

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_DEFAULT_MODEL_PATH_H_
