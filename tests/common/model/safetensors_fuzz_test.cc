// Damaged safetensors files: each is an error or harmless.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/model/safetensors_file.h"
#include "common/model/safetensors_writer.h"
#include "tests/common/model/largest_allocation.h"
#include "tests/common/model/memory_model.h"
#include "tests/testing/gguf_writer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"

namespace chimera {
namespace {

using ::chimera::testing::FileBytes;
using ::chimera::testing::TakeLargestAllocation;
using ::chimera::testing::TempDirectory;
using ::chimera::testing::WriteFile;

// Far more than reading the file takes, far less than what its damaged numbers ask for.
constexpr size_t kMaxAllocation = size_t{1} << 14;

// A file that a test damages, in memory.
class SafetensorsFuzzTest : public ::testing::Test {
 protected:
  SafetensorsFuzzTest() {
    const std::vector<std::byte> data(64, std::byte{0x5a});
    const std::span<const std::byte> all = data;
    const std::vector<SafetensorsEntry> entries = {
        {"ids", SafetensorsType::kI32, {2, 3}, all.first(24)},
        {"norm.weight", SafetensorsType::kBf16, {8}, all.first(16)},
        {"scale", SafetensorsType::kF64, {}, all.first(8)},
        {"none", SafetensorsType::kU8, {0, 7}, {}},
        {"mask", SafetensorsType::kBool, {5}, all.first(5)}};
    CHIMERA_EXPECT_OK(
        WriteSafetensors(path_, entries, {{"format", "pt"}, {"quote", "\" \\ \xc3\xa9 \n"}}));
    std::ifstream file(path_, std::ios::binary);
    content_.assign(std::istreambuf_iterator<char>(file), {});
    data_size_ = 24 + 16 + 8 + 5;
    header_size_ = content_.size() - data_size_;
  }

  // Reads a copy of just its size, so that AddressSanitizer sees every access beyond it.
  void Try(const std::string& content) {
    const std::vector<std::byte> bytes = FileBytes(content);
    TakeLargestAllocation();
    const absl::StatusOr<SafetensorsContents> contents = ReadSafetensors(bytes);
    EXPECT_LE(TakeLargestAllocation(), kMaxAllocation);
    if (!contents.ok()) {
      ++refused_;
      EXPECT_TRUE(contents.status().code() == absl::StatusCode::kInvalidArgument ||
                  contents.status().code() == absl::StatusCode::kUnimplemented)
          << contents.status();
      return;
    }
    ++read_;
    size_t size = 0;
    for (const auto& [name, tensor] : contents->tensors) {
      CHIMERA_EXPECT_OK(CheckSafetensorsTensor(name, tensor));
      for (const std::byte byte : tensor.bytes) EXPECT_EQ(byte, std::byte{0x5a});
      size += tensor.bytes.size();
    }
    EXPECT_EQ(size, data_size_);
  }

  const TempDirectory directory_;
  const std::string path_ = directory_.path() + "/file.safetensors";
  std::string content_;
  size_t data_size_ = 0;
  size_t header_size_ = 0;
  int read_ = 0;
  int refused_ = 0;
};

TEST_F(SafetensorsFuzzTest, TheWholeFileIsRead) {
  Try(content_);
  EXPECT_EQ(read_, 1);
}

TEST_F(SafetensorsFuzzTest, TruncatedFilesAreRefused) {
  for (size_t size = 0; size < content_.size(); ++size) {
    Try(content_.substr(0, size));
    WriteFile(path_, content_.substr(0, size));
    EXPECT_EQ(SafetensorsFile::Open(path_).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(read_, 0);
}

TEST_F(SafetensorsFuzzTest, DamagedHeaders) {
  std::mt19937 random(47);
  for (int trial = 0; trial < 100'000 && !HasFailure(); ++trial) {
    std::string damaged = content_;
    const int flips = 1 + static_cast<int>(random() % 3);
    for (int i = 0; i < flips; ++i) {
      damaged[random() % header_size_] ^= static_cast<char>(1 + random() % 255);
    }
    if (random() % 4 == 0) damaged.resize(random() % damaged.size());
    Try(damaged);
    EXPECT_FALSE(HasFailure()) << "trial " << trial;
  }
  RecordProperty("read", read_);
  RecordProperty("refused", refused_);
  EXPECT_GE(read_, 1000);
  EXPECT_GE(refused_, 1000);
}

// Flipped bits rarely leave JSON; these always do.
TEST_F(SafetensorsFuzzTest, OtherWordsInTheHeader) {
  const std::string words[] = {"0",
                               "1",
                               "-1",
                               "24",
                               "[",
                               "]",
                               "{",
                               "}",
                               "\"",
                               ":",
                               ",",
                               "null",
                               "\\u00",
                               "1e9",
                               "F32",
                               "9223372036854775807",
                               "18446744073709551615",
                               "18446744073709551616",
                               "4294967296"};
  std::mt19937 random(53);
  for (int trial = 0; trial < 50'000 && !HasFailure(); ++trial) {
    std::string header = content_.substr(8, header_size_ - 8);
    const size_t at = random() % header.size();
    header.replace(at, random() % 4, words[random() % std::size(words)]);
    const uint64_t size = header.size();
    Try(absl::StrCat(absl::string_view(reinterpret_cast<const char*>(&size), sizeof(size)), header,
                     content_.substr(header_size_)));
    EXPECT_FALSE(HasFailure()) << "trial " << trial << ": " << header;
  }
  EXPECT_GE(read_, 1000);
  EXPECT_GE(refused_, 1000);
}

// The limit on allocations means something: this is what it must catch.
TEST_F(SafetensorsFuzzTest, AllocationsAreSeen) {
  TakeLargestAllocation();
  // Called by name: a compiler may leave out a new-expression whose memory nobody uses.
  ::operator delete(::operator new(kMaxAllocation + 1));
  EXPECT_GT(TakeLargestAllocation(), kMaxAllocation);
}

}  // namespace
}  // namespace chimera
