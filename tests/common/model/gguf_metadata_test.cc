#include "common/model/gguf_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "common/model/gguf_file.h"
#include "tests/common/model/memory_model.h"
#include "tests/testing/gguf_writer.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::FileBytes;
using ::chimera::testing::GgufWriter;
using ::chimera::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

template <typename T>
std::string Bytes(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::string ArrayBytes(GgufType type, uint64_t count, const std::string& elements) {
  return Bytes(static_cast<uint32_t>(type)) + Bytes(count) + elements;
}

class GgufMetadataTest : public ::testing::Test {
 protected:
  void Set(const std::string& key, GgufType type, const std::string& payload) {
    writer_.SetRaw(key, static_cast<uint32_t>(type), payload);
  }

  // Reads what was set. REQUIRES: it can be read.
  const GgufMetadata& Read() {
    bytes_ = FileBytes(writer_.Serialize());
    file_ = ReadGgufFile(bytes_).value();
    return file_.metadata;
  }

  // What was set cannot be read.
  void ExpectRefused(absl::StatusCode code, const std::string& message) {
    bytes_ = FileBytes(writer_.Serialize());
    EXPECT_THAT(ReadGgufFile(bytes_), StatusIs(code, HasSubstr(message)));
  }

  GgufWriter writer_;
  std::vector<std::byte> bytes_;
  GgufFile file_;
};

TEST_F(GgufMetadataTest, IntegersOfEveryType) {
  Set("u8", GgufType::kUint8, Bytes<uint8_t>(255));
  Set("i8", GgufType::kInt8, Bytes<int8_t>(-128));
  Set("u16", GgufType::kUint16, Bytes<uint16_t>(65535));
  Set("i16", GgufType::kInt16, Bytes<int16_t>(-2));
  Set("u32", GgufType::kUint32, Bytes<uint32_t>(4294967295));
  Set("i32", GgufType::kInt32, Bytes<int32_t>(-3));
  Set("u64", GgufType::kUint64, Bytes<uint64_t>(std::numeric_limits<int64_t>::max()));
  Set("i64", GgufType::kInt64, Bytes<int64_t>(std::numeric_limits<int64_t>::min()));
  const GgufMetadata& metadata = Read();
  EXPECT_THAT(metadata.Integer("u8").value(), Optional(255));
  EXPECT_THAT(metadata.Integer("i8").value(), Optional(-128));
  EXPECT_THAT(metadata.Integer("u16").value(), Optional(65535));
  EXPECT_THAT(metadata.Integer("i16").value(), Optional(-2));
  EXPECT_THAT(metadata.Integer("u32").value(), Optional(4294967295));
  EXPECT_THAT(metadata.Integer("i32").value(), Optional(-3));
  EXPECT_THAT(metadata.Integer("u64").value(), Optional(std::numeric_limits<int64_t>::max()));
  EXPECT_THAT(metadata.Integer("i64").value(), Optional(std::numeric_limits<int64_t>::min()));
}

TEST_F(GgufMetadataTest, OtherValues) {
  writer_.SetFloat32("float", 1.5f);
  writer_.SetBool("yes", true);
  writer_.SetBool("no", false);
  writer_.SetString("string", "a \xff b");
  writer_.SetStringArray("strings", {"x", "", "yz"});
  writer_.SetInt32Array("integers", {1, -1});
  writer_.SetInt32Array("empty", {});
  const GgufMetadata& metadata = Read();
  EXPECT_THAT(metadata.Float("float").value(), Optional(1.5f));
  EXPECT_THAT(metadata.Bool("yes").value(), Optional(true));
  EXPECT_THAT(metadata.Bool("no").value(), Optional(false));
  EXPECT_THAT(metadata.String("string").value(), Optional(absl::string_view("a \xff b")));
  EXPECT_THAT(metadata.StringArray("strings").value(), Optional(ElementsAre("x", "", "yz")));
  EXPECT_THAT(metadata.Int32Array("integers").value(), Optional(ElementsAre(1, -1)));
  EXPECT_THAT(metadata.Int32Array("empty").value(), Optional(ElementsAre()));
  EXPECT_EQ(metadata.values().size(), 7u);
}

TEST_F(GgufMetadataTest, WhatIsNotThereIsNothing) {
  const GgufMetadata& metadata = Read();
  EXPECT_EQ(metadata.Integer("x").value(), std::nullopt);
  EXPECT_EQ(metadata.Float("x").value(), std::nullopt);
  EXPECT_EQ(metadata.Bool("x").value(), std::nullopt);
  EXPECT_EQ(metadata.String("x").value(), std::nullopt);
  EXPECT_EQ(metadata.StringArray("x").value(), std::nullopt);
  EXPECT_EQ(metadata.Int32Array("x").value(), std::nullopt);
  EXPECT_THAT(Required(metadata.Float("some.key"), "some.key"),
              StatusIs(absl::StatusCode::kInvalidArgument, "the file lacks the key some.key"));
}

TEST_F(GgufMetadataTest, ValuesOfAnotherKindAreRefusedByName) {
  writer_.SetString("text", "1");
  writer_.SetInt32Array("list", {1});
  Set("float64", GgufType::kFloat64, Bytes(1.0));
  Set("int16s", GgufType::kArray, ArrayBytes(GgufType::kInt16, 1, Bytes<int16_t>(1)));
  Set("huge", GgufType::kUint64, Bytes(uint64_t{1} << 63));
  Set("maybe", GgufType::kBool, "\2");
  const GgufMetadata& metadata = Read();
  const auto refused = [](const std::string& message) {
    return StatusIs(absl::StatusCode::kInvalidArgument, message);
  };
  EXPECT_THAT(metadata.Integer("text"),
              refused("key text is a string, must be an integer below 2^63"));
  EXPECT_THAT(metadata.Integer("list"),
              refused("key list is an array of int32, must be an integer below 2^63"));
  EXPECT_THAT(metadata.Integer("huge"),
              refused("key huge is a uint64, must be an integer below 2^63"));
  EXPECT_THAT(metadata.Float("float64"), refused("key float64 is a float64, must be a float32"));
  EXPECT_THAT(metadata.Bool("maybe"), refused("key maybe is a bool, must be a bool of 0 or 1"));
  EXPECT_THAT(metadata.String("list"), refused("key list is an array of int32, must be a string"));
  EXPECT_THAT(metadata.StringArray("text"),
              refused("key text is a string, must be an array of string"));
  EXPECT_THAT(metadata.Int32Array("int16s"),
              refused("key int16s is an array of int16, must be an array of int32"));
}

TEST_F(GgufMetadataTest, LengthsOfStringsEndInTheFile) {
  for (const uint64_t length :
       {uint64_t{100}, uint64_t{1} << 63, std::numeric_limits<uint64_t>::max()}) {
    Set("model.name", GgufType::kString, Bytes(length) + "short");
    ExpectRefused(absl::StatusCode::kInvalidArgument,
                  "model.name needs " + std::to_string(length) + " bytes");
    Set("model.name", GgufType::kArray,
        ArrayBytes(GgufType::kString, 2, Bytes<uint64_t>(1) + "x" + Bytes(length)));
    ExpectRefused(absl::StatusCode::kInvalidArgument,
                  "model.name needs " + std::to_string(length) + " bytes");
  }
}

// 2^61 times eight bytes is zero in 64 bits.
TEST_F(GgufMetadataTest, CountsOfArraysEndInTheFile) {
  for (const uint64_t count :
       {uint64_t{100}, uint64_t{1} << 61, std::numeric_limits<uint64_t>::max()}) {
    for (const GgufType type : {GgufType::kString, GgufType::kInt64, GgufType::kUint8}) {
      Set("list", GgufType::kArray, ArrayBytes(type, count, std::string(8, '\0')));
      ExpectRefused(absl::StatusCode::kInvalidArgument,
                    "key list has " + std::to_string(count) + " elements");
    }
  }
}

TEST_F(GgufMetadataTest, UnknownTypes) {
  for (const uint32_t type : {13u, 0xffffffffu}) {
    writer_.SetRaw("odd", type, std::string(8, '\0'));
    ExpectRefused(absl::StatusCode::kInvalidArgument,
                  "key odd has value type " + std::to_string(type) + ", must be below 13");
    Set("odd", GgufType::kArray, Bytes(type) + std::string(16, '\0'));
    ExpectRefused(absl::StatusCode::kInvalidArgument,
                  "key odd has value type " + std::to_string(type));
  }
}

TEST_F(GgufMetadataTest, ArraysOfArrays) {
  Set("nested", GgufType::kArray, ArrayBytes(GgufType::kArray, 1, std::string(24, '\0')));
  ExpectRefused(absl::StatusCode::kUnimplemented, "key nested is an array of arrays; supported:");
}

TEST_F(GgufMetadataTest, OneKeyTwice) {
  writer_.SetUint32("some.key", 1);
  writer_.AddDuplicate("some.key");
  ExpectRefused(absl::StatusCode::kInvalidArgument, "the file has the key some.key twice");
}

TEST_F(GgufMetadataTest, KeysArePrintable) {
  for (const std::string& key :
       {std::string(), std::string("a b"), std::string("a\n"), std::string("a\0", 2),
        std::string("\xc3\xa4"), std::string(65536, 'k')}) {
    writer_ = GgufWriter();
    writer_.SetUint32("first", 1);
    writer_.SetUint32(key, 1);
    ExpectRefused(absl::StatusCode::kInvalidArgument, "metadata key 1 must be 1 to 65535");
  }
  writer_ = GgufWriter();
  writer_.SetUint32(std::string(65535, 'k'), 7);
  EXPECT_THAT(Read().Integer(std::string(65535, 'k')).value(), Optional(7));
}

}  // namespace
}  // namespace chimera
