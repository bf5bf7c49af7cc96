#include "common/model/gguf_tensor_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "common/model/gguf_file.h"
#include "tests/common/model/memory_model.h"
#include "tests/testing/gguf_writer.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::FileBytes;
using ::chimera::testing::GgmlTypeNumber;
using ::chimera::testing::GgufWriter;
using ::chimera::testing::GgufWriterTensor;
using ::chimera::testing::IsInvalid;
using ::chimera::testing::IsUnimplemented;
using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

// Two Q4_0 matrices [4, 64] of 144 bytes, which pad to 160.
GgufWriter TwoTensors() {
  GgufWriter writer;
  for (const std::string name : {"first", "second"}) {
    writer.AddTensor({name, {64, 4}, GgmlTypeNumber(DataType::kQ4_0), std::string(144, 'x')});
  }
  return writer;
}

absl::Status StatusOf(const GgufWriter& writer) {
  const std::vector<std::byte> bytes = FileBytes(writer.Serialize());
  return ReadGgufFile(bytes).status();
}

// The status of a file whose second tensor `change` has made odd.
template <typename Change>
absl::Status StatusAfter(Change change) {
  GgufWriter writer = TwoTensors();
  change(&writer.tensor("second"));
  return StatusOf(writer);
}

TEST(GgufTensorTableTest, ReadsWhatTheControlHas) {
  const std::vector<std::byte> bytes = FileBytes(TwoTensors().Serialize());
  CHIMERA_ASSERT_OK_AND_ASSIGN(const GgufFile file, ReadGgufFile(bytes));
  EXPECT_EQ(file.tensors.at("second").bytes.size(), 144u);
}

TEST(GgufTensorTableTest, VectorsHaveOneRow) {
  GgufWriter writer;
  writer.AddTensor({"norm", {3}, GgmlTypeNumber(DataType::kF32), std::string(12, '\0')});
  const std::vector<std::byte> bytes = FileBytes(writer.Serialize());
  CHIMERA_ASSERT_OK_AND_ASSIGN(const GgufFile file, ReadGgufFile(bytes));
  EXPECT_EQ(file.tensors.at("norm").rows, 1);
  EXPECT_EQ(file.tensors.at("norm").columns, 3);
}

TEST(GgufTensorTableTest, UnknownTypesAreNamedAndTheKnownListed) {
  const std::pair<uint32_t, std::string> types[] = {
      {12, "12 (Q4_K)"}, {6, "6 (Q5_0)"}, {4, "4;"}, {31, "31;"}, {0xffffffff, "4294967295;"}};
  for (const auto& [number, text] : types) {
    EXPECT_THAT(StatusAfter([type = number](GgufWriterTensor* tensor) { tensor->type = type; }),
                StatusIs(absl::StatusCode::kUnimplemented,
                         AllOf(HasSubstr("tensor second has type " + text),
                               HasSubstr("supported: F32, F16, Q4_0, Q4_1, Q8_0, BF16"))));
  }
}

TEST(GgufTensorTableTest, OneOrTwoDimensions) {
  for (const size_t count : {size_t{0}, size_t{3}, size_t{100}}) {
    EXPECT_THAT(StatusAfter([&](GgufWriterTensor* tensor) { tensor->dimensions.resize(count, 1); }),
                IsUnimplemented("tensor second has " + std::to_string(count) + " dimensions"));
  }
}

TEST(GgufTensorTableTest, DimensionsArePositive) {
  for (const uint64_t dimension : {uint64_t{0}, uint64_t{1} << 63, kMax}) {
    for (const size_t index : {0, 1}) {
      EXPECT_THAT(
          StatusAfter([&](GgufWriterTensor* tensor) { tensor->dimensions[index] = dimension; }),
          IsInvalid("tensor second has dimension " + std::to_string(dimension)));
    }
  }
}

TEST(GgufTensorTableTest, ColumnsAreWholeBlocks) {
  EXPECT_THAT(StatusAfter([](GgufWriterTensor* tensor) { tensor->dimensions[0] = 48; }),
              IsInvalid("tensor second has 48 columns, must be a multiple of 32 for type Q4_0"));
}

// Some of these products are small modulo 2^64, so an unchecked one would pass.
TEST(GgufTensorTableTest, ProductsThatOverflow) {
  const std::vector<uint64_t> shapes[] = {{uint64_t{1} << 62, 64},
                                          {uint64_t{1} << 32, uint64_t{1} << 37},
                                          {(uint64_t{1} << 63) - 32, 4},
                                          {32, (uint64_t{1} << 63) - 1}};
  for (const std::vector<uint64_t>& shape : shapes) {
    EXPECT_THAT(StatusAfter([&](GgufWriterTensor* tensor) { tensor->dimensions = shape; }),
                IsInvalid("tensor second of " + std::to_string(shape[1]) + " x " +
                          std::to_string(shape[0]) + " elements has no size"));
  }
}

TEST(GgufTensorTableTest, OffsetsAreAligned) {
  for (const uint64_t offset : {uint64_t{1}, uint64_t{161}, uint64_t{176}, kMax}) {
    EXPECT_THAT(StatusAfter([&](GgufWriterTensor* tensor) { tensor->offset = offset; }),
                IsInvalid("tensor second has offset " + std::to_string(offset) +
                          ", must be a multiple of 32"));
  }
}

TEST(GgufTensorTableTest, TensorsEndInTheFile) {
  for (const uint64_t offset :
       {uint64_t{192}, uint64_t{320}, uint64_t{1} << 63, kMax - 31 /* whose end overflows */}) {
    EXPECT_THAT(StatusAfter([&](GgufWriterTensor* tensor) { tensor->offset = offset; }),
                IsInvalid("tensor second of 144 bytes at offset " + std::to_string(offset) +
                          " leaves the file, which has 320 bytes of tensor data"));
  }
  EXPECT_THAT(StatusAfter([](GgufWriterTensor* tensor) { tensor->dimensions[1] = 5; }),
              IsInvalid("tensor second of 180 bytes at offset 160 leaves the file"));
}

TEST(GgufTensorTableTest, TheLastByteOfDataMayBelongToATensorAndNoneBeyond) {
  const std::string content = TwoTensors().Serialize();
  CHIMERA_EXPECT_OK(ReadGgufFile(FileBytes(content.substr(0, content.size() - 16))).status());
  EXPECT_THAT(ReadGgufFile(FileBytes(content.substr(0, content.size() - 17))),
              IsInvalid("tensor second"));
}

TEST(GgufTensorTableTest, TensorsDoNotOverlap) {
  for (const uint64_t offset : {0, 32, 128}) {
    EXPECT_THAT(
        StatusAfter([&](GgufWriterTensor* tensor) { tensor->offset = offset; }),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 ::testing::MatchesRegex("tensors (first and second|second and first) overlap")));
  }
}

TEST(GgufTensorTableTest, OrderAndGapsAreFree) {
  GgufWriter writer = TwoTensors();
  writer.tensor("first").offset = 160;
  writer.tensor("second").offset = 0;
  CHIMERA_EXPECT_OK(StatusOf(writer));
  writer.tensor("second").dimensions = {32, 1};
  CHIMERA_EXPECT_OK(StatusOf(writer));
}

TEST(GgufTensorTableTest, NamesAreUnique) {
  EXPECT_THAT(StatusAfter([](GgufWriterTensor* tensor) { tensor->name = "first"; }),
              IsInvalid("the file has the tensor first twice"));
}

TEST(GgufTensorTableTest, NamesArePrintable) {
  for (const std::string& name : {std::string(), std::string("a b"), std::string("\x1b[2J"),
                                  std::string("a\0b", 3), std::string(65, 'n')}) {
    EXPECT_THAT(StatusAfter([&](GgufWriterTensor* tensor) { tensor->name = name; }),
                IsInvalid("name of tensor 1 must be 1 to 64 printable"));
  }
  CHIMERA_EXPECT_OK(StatusAfter([](GgufWriterTensor* tensor) { tensor->name.resize(64, 'n'); }));
}

}  // namespace
}  // namespace chimera
