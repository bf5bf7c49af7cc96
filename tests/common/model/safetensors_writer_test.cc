#include "common/model/safetensors_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/model/safetensors_file.h"
#include "tests/common/model/safetensors_bytes.h"
#include "tests/testing/gguf_writer.h"
#include "tests/testing/sanitizers.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"

namespace chimera {
namespace {

using ::chimera::testing::kSanitized;
using ::chimera::testing::StatusIs;
using ::chimera::testing::TempDirectory;
using ::chimera::testing::TextOf;
using ::chimera::testing::WriteFile;
using ::testing::AllOf;
using ::testing::HasSubstr;

using Metadata = std::map<std::string, std::string>;

std::span<const std::byte> Bytes(absl::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

class SafetensorsWriterTest : public ::testing::Test {
 protected:
  absl::Status Write(const std::vector<SafetensorsEntry>& entries,
                     const Metadata& metadata = {}) const {
    return WriteSafetensors(path_, entries, metadata);
  }

  // That the file cannot be written for a reason of its own, and that nothing is there.
  void ExpectRefused(const std::vector<SafetensorsEntry>& entries, const Metadata& metadata,
                     const std::string& message) const {
    EXPECT_THAT(Write(entries, metadata), StatusIs(absl::StatusCode::kInvalidArgument,
                                                   AllOf(HasSubstr(path_), HasSubstr(message))));
    EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
  }

  const TempDirectory directory_;
  const std::string path_ = directory_.path() + "/file.safetensors";
};

TEST_F(SafetensorsWriterTest, TheReaderGetsBackWhatWasWritten) {
  const std::string odd = "\" \\ / \n \x01 \x7f \xc3\xa9 \xf0\x9f\x98\xba \xef\xbf\xbd";
  const std::vector<SafetensorsEntry> entries = {
      {"mask", SafetensorsType::kBool, {3}, Bytes("abc")},
      {"scalar", SafetensorsType::kF64, {}, Bytes("12345678")},
      {odd, SafetensorsType::kBf16, {2, 1}, Bytes("half")},
      {"", SafetensorsType::kI32, {4, 0}, {}},
      {"ids", SafetensorsType::kI32, {1, 2}, Bytes("ABCDEFGH")}};
  const Metadata metadata = {{"format", "pt"}, {odd, odd}, {"", ""}};
  CHIMERA_ASSERT_OK(Write(entries, metadata));
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto file, SafetensorsFile::Open(path_));
  EXPECT_EQ(file->metadata(), metadata);
  EXPECT_EQ(file->tensors().size(), entries.size());
  for (const SafetensorsEntry& entry : entries) {
    CHIMERA_ASSERT_OK_AND_ASSIGN(const SafetensorsTensor* const tensor, file->Find(entry.name));
    EXPECT_EQ(tensor->type, entry.type);
    EXPECT_EQ(tensor->shape, entry.shape);
    EXPECT_EQ(TextOf(tensor->bytes), TextOf(entry.bytes));
  }
}

TEST_F(SafetensorsWriterTest, LaysTheFileOutAsTheFormatSays) {
  CHIMERA_ASSERT_OK(Write({{"b", SafetensorsType::kU8, {1}, Bytes("x")},
                           {"c", SafetensorsType::kU16, {2}, Bytes("2222")},
                           {"a", SafetensorsType::kU8, {2, 1}, Bytes("yz")}},
                          {{"k", "v"}}));
  const std::string json = R"({"__metadata__":{"k":"v"},)"
                           R"("c":{"dtype":"U16","shape":[2],"data_offsets":[0,4]},)"
                           R"("a":{"dtype":"U8","shape":[2,1],"data_offsets":[4,6]},)"
                           R"("b":{"dtype":"U8","shape":[1],"data_offsets":[6,7]}})";
  const std::string padding(256 - 8 - json.size(), ' ');
  EXPECT_EQ(ReadFile(path_), absl::StrCat(absl::string_view("\xf8\0\0\0\0\0\0\0", 8), json, padding,
                                          "2222", "yz", "x"));
}

TEST_F(SafetensorsWriterTest, DataAndTensorsAreAligned) {
  for (size_t size = 0; size < 130; ++size) {
    CHIMERA_ASSERT_OK(Write({{std::string(size, 'n'), SafetensorsType::kU8, {3}, Bytes("abc")},
                             {"a", SafetensorsType::kI64, {1}, Bytes("12345678")},
                             {"b", SafetensorsType::kF16, {1}, Bytes("hf")}}));
    CHIMERA_ASSERT_OK_AND_ASSIGN(const auto file, SafetensorsFile::Open(path_));
    // Files are mapped at the start of a page.
    const auto address = [&file](const char* name) {
      return reinterpret_cast<uintptr_t>(file->tensors().at(name).bytes.data());
    };
    EXPECT_EQ(address("a") % 64, 0u) << size;
    EXPECT_EQ(address("b"), address("a") + 8) << size;
  }
}

TEST_F(SafetensorsWriterTest, AnEmptyFileIsAFile) {
  CHIMERA_ASSERT_OK(Write({}));
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto file, SafetensorsFile::Open(path_));
  EXPECT_TRUE(file->tensors().empty() && file->metadata().empty());
  EXPECT_EQ(ReadFile(path_).size(), 64u);
}

TEST_F(SafetensorsWriterTest, ReplacesWhatWasThere) {
  WriteFile(path_, "old");
  WriteFile(path_ + ".tmp", std::string(10'000, 'x'));  // of a process that was killed
  CHIMERA_ASSERT_OK(Write({{"a", SafetensorsType::kU8, {1}, Bytes("a")}}));
  CHIMERA_EXPECT_OK(SafetensorsFile::Open(path_));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".tmp"));
}

TEST_F(SafetensorsWriterTest, RefusesWhatTheReaderWould) {
  const auto u8 = SafetensorsType::kU8;
  ExpectRefused({{"a", u8, {2}, Bytes("x")}}, {},
                "tensor a of type U8 and shape [2] has 1 bytes, must have 2");
  ExpectRefused({{"a", u8, {-1}, Bytes("x")}}, {}, "tensor a has dimension -1");
  ExpectRefused({{"a", u8, {1LL << 62, 4}, {}}}, {}, "tensor a of type U8");
  ExpectRefused({{"a", u8, std::vector<int64_t>(65, 1), Bytes("x")}}, {},
                "tensor a has 65 dimensions");
  ExpectRefused({{"a", u8, {0}, {}}, {"a", SafetensorsType::kF32, {0}, {}}}, {},
                "there are two tensors a");
  ExpectRefused({{"__metadata__", u8, {0}, {}}}, {}, "name __metadata__");
  ExpectRefused({{"a\xff", u8, {0}, {}}}, {}, "tensor name a\\xff is not UTF-8");
  ExpectRefused({}, {{"k\xc3", "v"}}, "metadata key k\\xc3 is not UTF-8");
  ExpectRefused({}, {{"k", "\xed\xa0\x80"}}, "metadata k \\xed\\xa0\\x80 is not UTF-8");
  if (!kSanitized) {  // or it takes most of a minute
    Metadata large;
    large["k"].resize(100'000'000, 'v');
    ExpectRefused({}, large, "must be at most 100000000");
  }
  ExpectRefused(std::vector<SafetensorsEntry>(65537, {"a", u8, {0}, {}}), {},
                "65537 tensors, must be at most 65536");
  Metadata many;
  for (int i = 0; i < 65537; ++i) many[absl::StrCat(i)];
  ExpectRefused({}, many, "65537 metadata keys, must be at most 65536");
}

TEST_F(SafetensorsWriterTest, SaysWhatTheSystemSays) {
  EXPECT_THAT(WriteSafetensors("/no/such/file", {}, {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/file: cannot create")));
  std::filesystem::create_directory(path_);
  EXPECT_THAT(Write({}).message(), AllOf(HasSubstr(path_), HasSubstr("cannot rename")));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".tmp"));
}

// Makes the system refuse to let files grow beyond `bytes`.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  const sighandler_t handler_;
  rlimit before_;
};

TEST_F(SafetensorsWriterTest, AFileThatIsNotWholeReplacesNothing) {
  WriteFile(path_, "old");
  const std::string data(1 << 20, 'x');
  const std::vector<SafetensorsEntry> entries = {
      {"a", SafetensorsType::kU8, {1 << 20}, Bytes(data)}};
  absl::Status status;
  {
    const FileSizeLimit limit(1 << 16);
    status = Write(entries);
  }
  EXPECT_THAT(status.message(), AllOf(HasSubstr(path_), HasSubstr("cannot write")));
  EXPECT_EQ(ReadFile(path_), "old");
  EXPECT_FALSE(std::filesystem::exists(path_ + ".tmp"));
  CHIMERA_EXPECT_OK(Write(entries));
}

}  // namespace
}  // namespace chimera
