#include "common/model/gguf_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tests/common/model/memory_model.h"
#include "tests/testing/gguf_writer.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::FileBytes;
using ::chimera::testing::GgmlTypeNumber;
using ::chimera::testing::GgufWriter;
using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

// Offsets in the file.
constexpr size_t kTensorCount = 8;
constexpr size_t kKeyCount = 16;

GgufWriter SmallFile() {
  GgufWriter writer;
  writer.SetUint32("answer", 42);
  writer.AddTensor({"one", {2}, GgmlTypeNumber(DataType::kF32), "abcdefgh"});
  writer.AddTensor({"two", {2, 2}, GgmlTypeNumber(DataType::kF16), "ijklmnop"});
  return writer;
}

std::string WithNumber(std::string content, size_t offset, uint64_t number) {
  content.replace(offset, sizeof(number), reinterpret_cast<const char*>(&number), sizeof(number));
  return content;
}

absl::Status StatusOf(const std::string& content) {
  const std::vector<std::byte> bytes = FileBytes(content);
  return ReadGgufFile(bytes).status();
}

std::string Text(std::span<const std::byte> bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

TEST(GgufFileTest, GivesViewsOfWhatIsThere) {
  const std::vector<std::byte> bytes = FileBytes(SmallFile().Serialize());
  CHIMERA_ASSERT_OK_AND_ASSIGN(const GgufFile file, ReadGgufFile(bytes));
  EXPECT_EQ(file.metadata.Integer("answer").value(), 42);
  ASSERT_EQ(file.tensors.size(), 2u);
  const TensorView& two = file.tensors.at("two");
  EXPECT_EQ(two.type, DataType::kF16);
  EXPECT_EQ(two.rows, 2);
  EXPECT_EQ(two.columns, 2);
  EXPECT_EQ(Text(two.bytes), "ijklmnop");
  EXPECT_EQ(Text(two.row(1)), "mnop");
  EXPECT_EQ(two.bytes.data(), bytes.data() + bytes.size() - 32);
}

TEST(GgufFileTest, TakesFilesWithoutKeysOrTensors) {
  CHIMERA_EXPECT_OK(StatusOf(GgufWriter().Serialize()));
  CHIMERA_EXPECT_OK(StatusOf(GgufWriter().Serialize().substr(0, 24)));  // without padding
}

TEST(GgufFileTest, RefusesOtherFormats) {
  for (const std::string text : {"GGML", "GGUG", "ggjt"}) {
    EXPECT_THAT(StatusOf(text + SmallFile().Serialize().substr(4)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not a GGUF file")));
  }
  EXPECT_THAT(StatusOf(""), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("magic")));
}

TEST(GgufFileTest, KnowsVersionsTwoAndThree) {
  constexpr uint32_t kBigEndianThree = 0x03000000;
  for (const uint32_t version : {0u, 1u, 4u, kBigEndianThree}) {
    GgufWriter writer = SmallFile();
    writer.set_version(version);
    EXPECT_THAT(StatusOf(writer.Serialize()),
                StatusIs(absl::StatusCode::kUnimplemented,
                         AllOf(HasSubstr("GGUF version " + std::to_string(version) + ";"),
                               HasSubstr("supported: versions 2 and 3"))));
  }
  GgufWriter writer = SmallFile();
  writer.set_version(2);
  CHIMERA_EXPECT_OK(StatusOf(writer.Serialize()));
}

TEST(GgufFileTest, CountsAreLimited) {
  const std::string content = SmallFile().Serialize();
  for (const uint64_t count : {uint64_t{65537}, uint64_t{1} << 32, uint64_t{1} << 63,
                               std::numeric_limits<uint64_t>::max()}) {
    const std::string number = std::to_string(count);
    EXPECT_THAT(
        StatusOf(WithNumber(content, kTensorCount, count)),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("the file has " + number + " ten")));
    EXPECT_THAT(
        StatusOf(WithNumber(content, kKeyCount, count)),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("the file has " + number + " met")));
  }
}

TEST(GgufFileTest, CountsThatTheFileCannotHoldEndAtItsEnd) {
  const std::string content = SmallFile().SerializeHeader();
  EXPECT_THAT(StatusOf(WithNumber(content, kTensorCount, 65536)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("of tensor 2")));
  EXPECT_THAT(StatusOf(WithNumber(content, kKeyCount, 65536)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("key")));
}

TEST(GgufFileTest, NoPartOfTheHeaderMayBeMissing) {
  const std::string content = SmallFile().Serialize();
  const size_t header_size = SmallFile().SerializeHeader().size();
  for (size_t size = 0; size < header_size; ++size) {
    EXPECT_THAT(StatusOf(content.substr(0, size)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("")))
        << size << " bytes of " << header_size;
  }
}

TEST(GgufFileTest, AlignmentIsAPowerOfTwoFromEight) {
  for (const uint32_t alignment : {0u, 1u, 4u, 24u, 8192u, 0x80000000u}) {
    GgufWriter writer = SmallFile();
    writer.SetUint32("general.alignment", alignment);
    EXPECT_THAT(StatusOf(writer.Serialize()),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("general.alignment is " + std::to_string(alignment)),
                               HasSubstr("from 8 to 4096"))));
  }
  GgufWriter writer = SmallFile();
  writer.SetString("general.alignment", "32");
  EXPECT_THAT(StatusOf(writer.Serialize()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("general.alignment")));
}

TEST(GgufFileTest, AlignmentDecidesWhereTheDataStarts) {
  for (const uint32_t alignment : {8u, 64u, 4096u}) {
    GgufWriter writer = SmallFile();
    writer.SetUint32("general.alignment", alignment);
    writer.set_alignment(alignment);
    const std::vector<std::byte> bytes = FileBytes(writer.Serialize());
    CHIMERA_ASSERT_OK_AND_ASSIGN(const GgufFile file, ReadGgufFile(bytes));
    EXPECT_EQ(Text(file.tensors.at("one").bytes), "abcdefgh") << alignment;
    EXPECT_EQ(Text(file.tensors.at("two").bytes), "ijklmnop") << alignment;
  }
}

}  // namespace
}  // namespace chimera
