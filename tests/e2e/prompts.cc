#include "tests/e2e/prompts.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace chimera::testing {

std::vector<std::string> ReadPrompts(int count) {
  std::vector<std::string> prompts;
  std::ifstream file(CHIMERA_TEST_PROMPTS);
  std::string line;
  while (static_cast<int>(prompts.size()) < count && std::getline(file, line)) {
    prompts.push_back(nlohmann::json::parse(line)["turns"][0]);
  }
  EXPECT_EQ(static_cast<int>(prompts.size()), count);
  return prompts;
}

}  // namespace chimera::testing
