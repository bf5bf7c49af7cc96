// Runs of the benchmark programs, and the JSON that they print.

#ifndef CHIMERA_TESTS_TOOLS_CPU_BENCH_BENCH_OUTCOME_H_
#define CHIMERA_TESTS_TOOLS_CPU_BENCH_BENCH_OUTCOME_H_

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/testing/child_process.h"

namespace chimera::testing {

struct BenchOutcome {
  int exit_code;
  std::string output;
  std::string errors;
};

// Runs `program`, a path, to its end.
inline BenchOutcome RunProgram(const std::string& program, std::vector<std::string> arguments) {
  ChildProcess process(program, std::move(arguments));
  const int exit_code = process.Wait();
  return {exit_code, process.Output(), process.Errors()};
}

// The number `name` of each object of a list.
inline std::vector<int> Column(const nlohmann::json& list, const std::string& name) {
  std::vector<int> values;
  for (const nlohmann::json& item : list) values.push_back(item.at(name));
  return values;
}

// Every one of `names` is a positive number in `object`.
inline void ExpectPositive(const nlohmann::json& object, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    ASSERT_TRUE(object.contains(name)) << name << " is missing in " << object;
    ASSERT_TRUE(object[name].is_number()) << name << " in " << object;
    EXPECT_GT(object[name].get<double>(), 0) << name << " in " << object;
  }
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TOOLS_CPU_BENCH_BENCH_OUTCOME_H_
