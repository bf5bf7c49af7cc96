#include "common/base/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/testing/process_stats.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"

namespace chimera {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

class MappedFileTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) const { std::ofstream(path_, std::ios::trunc) << text; }

  static std::string TextOf(const MappedFile& file) {
    return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
  }

  const testing::TempDirectory directory_;
  const std::string path_ = directory_.path() + "/file";
};

TEST_F(MappedFileTest, HoldsTheBytes) {
  Write("some bytes");
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto file, MappedFile::Open(path_));
  EXPECT_EQ(TextOf(*file), "some bytes");
  EXPECT_EQ(file->stamp().size, 10u);
}

TEST_F(MappedFileTest, AnEmptyFileHasNone) {
  Write("");
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto file, MappedFile::Open(path_));
  EXPECT_TRUE(file->bytes().empty());
}

TEST_F(MappedFileTest, OutlivesTheNameOfTheFile) {
  Write("old");
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto file, MappedFile::Open(path_));
  std::filesystem::remove(path_);
  Write("new bytes");
  EXPECT_EQ(TextOf(*file), "old");
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto other, MappedFile::Open(path_));
  EXPECT_NE(file->stamp(), other->stamp());
}

TEST_F(MappedFileTest, ReleasesMemoryAndKeepsTheBytes) {
  const std::string text(size_t{32} << 20, 'x');
  Write(text);
  const auto resident = [] {
    return testing::ReadProcessStats(getpid()).value().resident_file_bytes;
  };
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto file, MappedFile::Open(path_));
  const int64_t before = resident();
  EXPECT_TRUE(TextOf(*file) == text);
  EXPECT_GT(resident(), before + (int64_t{24} << 20));
  file->ReleaseMemory();
  EXPECT_LT(resident(), before + (int64_t{8} << 20));
  EXPECT_TRUE(TextOf(*file) == text);
}

TEST_F(MappedFileTest, SaysWhatCannotBeMapped) {
  EXPECT_THAT(MappedFile::Open(path_), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path_)));
  EXPECT_THAT(MappedFile::Open(directory_.path()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(directory_.path())));
}

}  // namespace
}  // namespace chimera
