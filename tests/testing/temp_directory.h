// A directory of its own for a test.

#ifndef CHIMERA_TESTS_TESTING_TEMP_DIRECTORY_H_
#define CHIMERA_TESTS_TESTING_TEMP_DIRECTORY_H_

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "common/base/check.h"

namespace chimera::testing {

// Made at construction, removed with all it holds at destruction. Its path is short enough for Unix
// sockets.
class TempDirectory {
 public:
  TempDirectory() : path_("/tmp/chimera_test_XXXXXX") {
    CHIMERA_CHECK(mkdtemp(path_.data()) != nullptr) << "cannot make " << path_;
  }
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_TEMP_DIRECTORY_H_
