// The development prompts (tests/data).

#ifndef CHIMERA_TESTS_E2E_PROMPTS_H_
#define CHIMERA_TESTS_E2E_PROMPTS_H_

#include <string>
#include <vector>

namespace chimera::testing {

// The first `count` user messages; fails the test if there are fewer.
std::vector<std::string> ReadPrompts(int count);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_E2E_PROMPTS_H_
