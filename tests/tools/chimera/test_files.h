// A folder of files for one test.

#ifndef CHIMERA_TESTS_TOOLS_CHIMERA_TEST_FILES_H_
#define CHIMERA_TESTS_TOOLS_CHIMERA_TEST_FILES_H_

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/testing/temp_directory.h"

namespace chimera::testing {

// The folder is empty at first and goes with the object.
class TestFiles {
 public:
  const std::string& path() const { return directory_.path(); }
  std::string Path(const std::string& name) const { return path() + "/" + name; }
  bool IsEmpty() const { return std::filesystem::is_empty(path()); }

  // Writes a file and returns its path.
  std::string Write(const std::string& name, const std::string& content) const {
    std::ofstream(Path(name)) << content;
    return Path(name);
  }

  // Writes a shell script that can be run, and returns its path.
  std::string WriteScript(const std::string& name, const std::string& commands) const {
    std::string path = Write(name, "#!/bin/sh\n" + commands + "\n");
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }

  std::string Read(const std::string& name) const {
    std::ostringstream content;
    content << std::ifstream(Path(name)).rdbuf();
    return content.str();
  }

 private:
  TempDirectory directory_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TOOLS_CHIMERA_TEST_FILES_H_
