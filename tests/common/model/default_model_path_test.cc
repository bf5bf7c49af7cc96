#include "common/model/default_model_path.h"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace chimera {
namespace {

constexpr int kOverwrite = 1;

// CTest runs every case in a process of its own; without it, the cases set all that they read.
TEST(DefaultModelPathTest, FollowsTheEnvironment) {
  setenv("HOME", "/home-of-user", kOverwrite);
  unsetenv("XDG_CACHE_HOME");
  unsetenv("CHIMERA_MODEL");
  EXPECT_EQ(DefaultModelPath(), "/home-of-user/.cache/chimera/SmolLM2-135M-Instruct.Q4_1.gguf");
  setenv("XDG_CACHE_HOME", "/cache", kOverwrite);
  EXPECT_EQ(DefaultModelPath(), "/cache/chimera/SmolLM2-135M-Instruct.Q4_1.gguf");
  setenv("CHIMERA_MODEL", "other.gguf", kOverwrite);
  EXPECT_EQ(DefaultModelPath(), "other.gguf");
}

TEST(DefaultModelPathTest, EmptyVariablesCountAsUnset) {
  setenv("HOME", "/home-of-user", kOverwrite);
  setenv("XDG_CACHE_HOME", "", kOverwrite);
  setenv("CHIMERA_MODEL", "", kOverwrite);
  EXPECT_EQ(DefaultModelPath(), "/home-of-user/.cache/chimera/SmolLM2-135M-Instruct.Q4_1.gguf");
}

}  // namespace
}  // namespace chimera
