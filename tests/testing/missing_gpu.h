// What a service says that is to run on a GPU where there is none.

#ifndef CHIMERA_TESTS_TESTING_MISSING_GPU_H_
#define CHIMERA_TESTS_TESTING_MISSING_GPU_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "tests/testing/child_process.h"

namespace chimera::testing {

// Runs the service `program` (a path) on device cuda:0, and expects that it ends with one line that
// says why it cannot: the build has no CUDA, or the computer no GPU that our kernels run on. Where
// there is one the test is skipped. `arguments` must name what a GPU can serve, and no addresses.
inline void ExpectSaysThatThereIsNoGpu(const std::string& program,
                                       std::vector<std::string> arguments) {
  // With a GPU all is well until the service listens in a folder that is not there.
  arguments.insert(arguments.end(),
                   {"--device=cuda:0", "--listen=unix:/none/s.sock", "--metrics_listen="});
  ChildProcess service(program, arguments);
  EXPECT_EQ(service.Wait(), 1);
  const std::string errors = service.Errors();
  if (absl::StrContains(errors, "/none/s.sock")) GTEST_SKIP() << "this computer has a GPU";
  EXPECT_THAT(errors, ::testing::MatchesRegex(
                          std::filesystem::path(program).filename().string() +
                          ": (UNIMPLEMENTED: device \"cuda:0\": this program was built without "
                          "CUDA|FAILED_PRECONDITION: (no CUDA driver is installed|no CUDA device|"
                          "the CUDA driver supports CUDA|CUDA device 0 ))[^\n]*\n"));
  EXPECT_EQ(service.Output(), "");
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_MISSING_GPU_H_
