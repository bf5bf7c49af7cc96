#include "common/model/fingerprint_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/model/llama_model.h"
#include "tests/testing/gguf_writer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/tiny_llama.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::chimera::testing::TempDirectory;
using ::chimera::testing::WriteFile;
using ::testing::HasSubstr;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

int CountFiles(const std::string& directory) {
  return static_cast<int>(std::distance(std::filesystem::directory_iterator(directory), {}));
}

// Nobody can write to a directory while this lives, not even root, as whom tests may run.
class ReadOnlyDirectory {
 public:
  explicit ReadOnlyDirectory(const std::string& path) : path_(path), user_(geteuid()) {
    constexpr uid_t kNobody = 65534;
    CHIMERA_CHECK(chmod(path_.c_str(), 0555) == 0);
    if (user_ == 0) CHIMERA_CHECK(seteuid(kNobody) == 0);
  }
  ~ReadOnlyDirectory() { CHIMERA_CHECK(seteuid(user_) == 0 && chmod(path_.c_str(), 0755) == 0); }
  ReadOnlyDirectory(const ReadOnlyDirectory&) = delete;
  ReadOnlyDirectory& operator=(const ReadOnlyDirectory&) = delete;

 private:
  const std::string path_;
  const uid_t user_;
};

class FingerprintCacheTest : public ::testing::Test {
 protected:
  std::optional<std::string> Load() const { return LoadCachedWeightsFingerprint(model_, stamp_); }
  absl::Status Store(const std::string& hash) const {
    return StoreCachedWeightsFingerprint(model_, stamp_, hash);
  }

  const TempDirectory directory_;
  const std::string model_ = directory_.path() + "/model.gguf";
  const std::string cache_ = model_ + ".fingerprint";
  const std::string hash_ = std::string(32, '0') + std::string(32, 'f');
  const FileStamp stamp_ = {
      .size = 1234, .modification_time_ns = 1'700'000'000'000'000'007, .inode = 99};
  const std::string line_ = absl::StrCat("chimera-weights 1 1234 1700000000000000007 99 ", hash_);
};

TEST_F(FingerprintCacheTest, LiesBesideTheFileAsOneLine) {
  EXPECT_EQ(FingerprintCachePath(model_), cache_);
  EXPECT_EQ(Load(), std::nullopt);
  CHIMERA_ASSERT_OK(Store(hash_));
  EXPECT_EQ(Load(), hash_);
  EXPECT_EQ(ReadFile(cache_), line_ + "\n");
  EXPECT_EQ(CountFiles(directory_.path()), 1);
}

TEST_F(FingerprintCacheTest, OtherUsersMayRead) {
  CHIMERA_ASSERT_OK(Store(hash_));
  EXPECT_EQ(std::filesystem::status(cache_).permissions(), std::filesystem::perms(0644));
}

TEST_F(FingerprintCacheTest, AnotherStateOfTheFileHasNone) {
  CHIMERA_ASSERT_OK(Store(hash_));
  FileStamp other = stamp_;
  ++other.size;
  EXPECT_EQ(LoadCachedWeightsFingerprint(model_, other), std::nullopt);
  other = stamp_;
  ++other.modification_time_ns;
  EXPECT_EQ(LoadCachedWeightsFingerprint(model_, other), std::nullopt);
  other = stamp_;
  ++other.inode;
  EXPECT_EQ(LoadCachedWeightsFingerprint(model_, other), std::nullopt);
}

TEST_F(FingerprintCacheTest, WhateverElseLiesThereIsNothingAndIsReplaced) {
  std::string upper_case = line_;
  upper_case.back() = 'F';
  std::string other_version = line_;
  other_version[16] = '2';
  for (const std::string& content :
       {std::string(), std::string("\n"), line_, line_ + "\r\n", line_ + "\n\n", line_ + "0\n",
        " " + line_ + "\n", upper_case + "\n", other_version + "\n", line_ + "\n" + line_ + "\n",
        line_ + std::string(1 << 20, '\n'), std::string(1 << 20, '\xff')}) {
    WriteFile(cache_, content);
    EXPECT_EQ(Load(), std::nullopt) << content.substr(0, 200);
    CHIMERA_ASSERT_OK(Store(hash_));
    EXPECT_EQ(Load(), hash_);
  }
}

TEST_F(FingerprintCacheTest, NoPartOfTheLineIsEnough) {
  for (size_t size = 0; size <= line_.size(); ++size) {
    WriteFile(cache_, line_.substr(0, size));
    EXPECT_EQ(Load(), std::nullopt) << size;
    WriteFile(cache_, line_.substr(0, size) + "\n");
    EXPECT_EQ(Load().has_value(), size == line_.size()) << size;
  }
}

TEST_F(FingerprintCacheTest, WhatCannotBeReplacedIsAnError) {
  std::filesystem::create_directory(cache_);
  EXPECT_EQ(Load(), std::nullopt);
  EXPECT_FALSE(Store(hash_).ok());
  EXPECT_EQ(CountFiles(directory_.path()), 1) << "something is left behind";
}

TEST_F(FingerprintCacheTest, WithoutItsDirectoryThereIsAnErrorThatNamesIt) {
  EXPECT_THAT(StoreCachedWeightsFingerprint("/no/such/model.gguf", stamp_, hash_),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/model.gguf.fingerprint")));
}

TEST_F(FingerprintCacheTest, AFileThatMayStillChangeUnnoticedIsNotRemembered) {
  const std::chrono::nanoseconds now = std::chrono::system_clock::now().time_since_epoch();
  for (const std::chrono::nanoseconds age :
       {std::chrono::seconds(0), std::chrono::seconds(-3600)}) {
    const FileStamp fresh = {.size = 1, .modification_time_ns = (now - age).count(), .inode = 1};
    EXPECT_THAT(StoreCachedWeightsFingerprint(model_, fresh, hash_),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("model.gguf")));
  }
  EXPECT_EQ(CountFiles(directory_.path()), 0);
}

TEST_F(FingerprintCacheTest, AReadOnlyDirectoryIsAnError) {
  const ReadOnlyDirectory read_only(directory_.path());
  EXPECT_THAT(Store(hash_), StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr(cache_)));
  EXPECT_EQ(Load(), std::nullopt);
}

TEST_F(FingerprintCacheTest, ModelsOpenInReadOnlyDirectories) {
  testing::WriteTinyLlama(model_, {});
  std::filesystem::last_write_time(
      model_, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  const ReadOnlyDirectory read_only(directory_.path());
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto model, LlamaModel::Open(model_));
  EXPECT_EQ(model->fingerprint().weights.size(), 64u);
  EXPECT_EQ(CountFiles(directory_.path()), 1);
}

}  // namespace
}  // namespace chimera
