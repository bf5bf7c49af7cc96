#include "common/model/safetensors_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/common/model/memory_model.h"
#include "tests/common/model/safetensors_bytes.h"
#include "tests/testing/gguf_writer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"

namespace chimera {
namespace {

using ::chimera::testing::FileBytes;
using ::chimera::testing::IsInvalid;
using ::chimera::testing::IsUnimplemented;
using ::chimera::testing::SafetensorsBytes;
using ::chimera::testing::StatusIs;
using ::chimera::testing::TempDirectory;
using ::chimera::testing::TensorJson;
using ::chimera::testing::TextOf;
using ::chimera::testing::WriteFile;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// Of a header whose braces are added, and data of that many bytes.
absl::Status StatusOf(const std::string& entries, size_t data_bytes) {
  const std::vector<std::byte> bytes =
      FileBytes(SafetensorsBytes("{" + entries + "}", std::string(data_bytes, 'x')));
  return ReadSafetensors(bytes).status();
}

TEST(SafetensorsFileTest, GivesViewsOfWhatIsThere) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/weights.safetensors";
  const std::string header =
      absl::StrCat("{\"__metadata__\":{\"format\":\"pt\",\"\\u00e9\":\"\\n\"},\n\t",
                   TensorJson("b", "F16", "[2,1,2]", 4, 12), ",",
                   TensorJson("a \\\"", "U8", "[4]", 0, 4), "}  ");
  WriteFile(path, SafetensorsBytes(header, "abcdefghijkl"));
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto file, SafetensorsFile::Open(path));
  EXPECT_THAT(file->metadata(), ElementsAre(Pair("format", "pt"), Pair("\xc3\xa9", "\n")));
  ASSERT_EQ(file->tensors().size(), 2u);
  EXPECT_EQ(TextOf(file->tensors().at("a \"").bytes), "abcd");
  CHIMERA_ASSERT_OK_AND_ASSIGN(const SafetensorsTensor* const b, file->Find("b"));
  EXPECT_EQ(b->type, SafetensorsType::kF16);
  EXPECT_THAT(b->shape, ElementsAre(2, 1, 2));
  EXPECT_EQ(TextOf(b->bytes), "efghijkl");
}

TEST(SafetensorsFileTest, ErrorsNameTheFile) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/weights.safetensors";
  EXPECT_THAT(SafetensorsFile::Open(path), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
  WriteFile(path, "");
  EXPECT_THAT(SafetensorsFile::Open(path), IsInvalid(path + ": header size needs 8 bytes"));
  WriteFile(path, SafetensorsBytes("{" + TensorJson("a", "F8_E4M3", "[]", 0, 1) + "}", "x"));
  EXPECT_THAT(SafetensorsFile::Open(path), IsUnimplemented(path + ": tensor a "));
  WriteFile(path, SafetensorsBytes("{}", ""));
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto file, SafetensorsFile::Open(path));
  EXPECT_THAT(file->Find("some\nname"), StatusIs(absl::StatusCode::kNotFound,
                                                 AllOf(HasSubstr(path), HasSubstr("some\\nname"))));
}

TEST(SafetensorsFileTest, KnowsTypes) {
  struct Case {
    const char* name;
    SafetensorsType type;
    int64_t bytes;
  };
  for (const Case& c :
       {Case{"BOOL", SafetensorsType::kBool, 1}, Case{"U8", SafetensorsType::kU8, 1},
        Case{"I8", SafetensorsType::kI8, 1}, Case{"U16", SafetensorsType::kU16, 2},
        Case{"I16", SafetensorsType::kI16, 2}, Case{"F16", SafetensorsType::kF16, 2},
        Case{"BF16", SafetensorsType::kBf16, 2}, Case{"I32", SafetensorsType::kI32, 4},
        Case{"F32", SafetensorsType::kF32, 4}, Case{"I64", SafetensorsType::kI64, 8},
        Case{"F64", SafetensorsType::kF64, 8}}) {
    const std::vector<std::byte> bytes = FileBytes(SafetensorsBytes(
        "{" + TensorJson("a", c.name, "[3]", 0, 3 * c.bytes) + "}", std::string(3 * c.bytes, 'x')));
    CHIMERA_ASSERT_OK_AND_ASSIGN(const SafetensorsContents contents, ReadSafetensors(bytes));
    EXPECT_EQ(contents.tensors.at("a").type, c.type);
    EXPECT_EQ(SafetensorsTypeBytes(c.type), c.bytes);
    EXPECT_EQ(SafetensorsTypeName(c.type), c.name);
  }
  for (const std::string name : {"F8_E4M3", "U32", "f32", ""}) {
    EXPECT_THAT(StatusOf(TensorJson("a", name, "[1]", 0, 4), 4),
                StatusIs(absl::StatusCode::kUnimplemented,
                         AllOf(HasSubstr("tensor a has type " + name + ";"),
                               HasSubstr("supported: BOOL, U8, I8, U16, I16, F16, BF16, I32, F32,"
                                         " I64, F64"))));
  }
}

TEST(SafetensorsFileTest, TakesScalarsAndEmptyTensors) {
  CHIMERA_EXPECT_OK(StatusOf("", 0));
  CHIMERA_EXPECT_OK(StatusOf("\"__metadata__\":{}", 0));
  CHIMERA_EXPECT_OK(StatusOf(TensorJson("a", "F64", "[]", 0, 8), 8));
  CHIMERA_EXPECT_OK(StatusOf(TensorJson("", "F64", "[1, 0, 3]", 0, 0), 0));
  // Empty ones have room where another starts or ends.
  CHIMERA_EXPECT_OK(StatusOf(
      absl::StrCat(TensorJson("a", "U8", "[4]", 0, 4), ",", TensorJson("b", "U8", "[0]", 4, 4), ",",
                   TensorJson("c", "U8", "[4]", 4, 8), ",", TensorJson("d", "U8", "[0]", 0, 0), ",",
                   TensorJson("e", "U8", "[0]", 8, 8)),
      8));
}

TEST(SafetensorsFileTest, TheHeaderMustBeThere) {
  const std::string content =
      SafetensorsBytes("{" + TensorJson("a", "U8", "[4]", 0, 4) + "}", "abcd");
  for (size_t size = 0; size < content.size(); ++size) {
    const std::vector<std::byte> bytes = FileBytes(content.substr(0, size));
    const std::string what = size < 8                    ? "header size needs 8 bytes"
                             : size < content.size() - 4 ? "header needs "
                                                         : "within ";
    EXPECT_THAT(ReadSafetensors(bytes), IsInvalid(what)) << size << " bytes";
  }
  for (const uint64_t size : {uint64_t{100'000'001}, uint64_t{1} << 32, uint64_t{1} << 63,
                              std::numeric_limits<uint64_t>::max()}) {
    std::string lie = content;
    lie.replace(0, sizeof(size), reinterpret_cast<const char*>(&size), sizeof(size));
    EXPECT_THAT(ReadSafetensors(FileBytes(lie)),
                IsInvalid(absl::StrCat("has ", size, " bytes, must be at most 100000000")));
  }
}

TEST(SafetensorsFileTest, TheHeaderIsAnObjectInJson) {
  for (const std::string header :
       {"", " {}", "[]", "1", "null", "\"text\"", "\xef\xbb\xbf{}", "[{}]"}) {
    EXPECT_THAT(ReadSafetensors(FileBytes(SafetensorsBytes(header, ""))),
                IsInvalid("must be a JSON object"))
        << header;
  }
  for (const std::string header :
       {"{", "{}}", "{} {}", "{},", "{\"a\"}", "{\"__metadata__\":{\"a\":\"b\",}}",
        "{\"__metadata__\":{\"a\":\"\xff\"}}", "{\"__metadata__\":{\"a\":\"\\ud800\"}}",
        "{\"__metadata__\":{\"a\":\"\n\"}}", "{}//", "{\"a\":{\"shape\":[1e999]}}"}) {
    EXPECT_THAT(ReadSafetensors(FileBytes(SafetensorsBytes(header, ""))),
                IsInvalid("not valid JSON"))
        << header;
  }
  const std::string zero("{}\0{", 4);
  EXPECT_THAT(ReadSafetensors(FileBytes(SafetensorsBytes(zero, ""))), IsInvalid("zero byte"));
}

TEST(SafetensorsFileTest, WhiteSpaceIsLimitedWhereErrorsSpellItOut) {
  const std::string spaces(100'000, ' ');
  CHIMERA_EXPECT_OK(StatusOf(spaces + std::string(256, '\n') + spaces, 0));
  EXPECT_THAT(StatusOf(spaces + std::string(256, '\n') + spaces + "\t", 0),
              IsInvalid("more than 256 line breaks or tabs in a row"));
}

TEST(SafetensorsFileTest, NestsNoDeeperThanTheFormat) {
  EXPECT_THAT(StatusOf("\"a\":" + std::string(1'000'000, '['), 0),
              IsInvalid("a must be an object"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "\"a\":{";
  EXPECT_THAT(StatusOf(objects, 0), IsInvalid("tensor a has the key a"));
}

TEST(SafetensorsFileTest, MetadataAreStrings) {
  EXPECT_THAT(StatusOf("\"__metadata__\":null", 0), IsInvalid("__metadata__ must be an object"));
  for (const std::string value : {"1", "-1", "0.5", "true", "null", "{}", "[]"}) {
    EXPECT_THAT(StatusOf("\"__metadata__\":{\"k\":" + value + "}", 0),
                IsInvalid("metadata k must be a string"))
        << value;
  }
  EXPECT_THAT(StatusOf("\"__metadata__\":{},\"__metadata__\":{}", 0),
              IsInvalid("has the key __metadata__ twice"));
  EXPECT_THAT(StatusOf("\"__metadata__\":{\"k\":\"\",\"\\u006b\":\"\"}", 0),
              IsInvalid("has metadata k twice"));
}

TEST(SafetensorsFileTest, TensorsHaveJustTheirThreeKeys) {
  for (const std::string value : {"1", "null", "\"F32\"", "[]", "true"}) {
    EXPECT_THAT(StatusOf("\"a\":" + value, 0), IsInvalid("a must be an object")) << value;
  }
  for (const std::string fields :
       {"", "\"dtype\":\"U8\"", "\"dtype\":\"U8\",\"shape\":[0]",
        "\"dtype\":\"U8\",\"data_offsets\":[0,0]", "\"shape\":[0],\"data_offsets\":[0,0]"}) {
    EXPECT_THAT(StatusOf("\"a\":{" + fields + "}", 0),
                IsInvalid("tensor a must have dtype, shape and data_offsets"))
        << fields;
  }
  EXPECT_THAT(StatusOf("\"a\":{\"color\":1}", 0), IsInvalid("tensor a has the key color"));
  EXPECT_THAT(StatusOf("\"a\":{\"shape\":[0],\"shape\":[0]}", 0),
              IsInvalid("has tensor a with shape twice"));
  const std::string a = TensorJson("a", "U8", "[0]", 0, 0);
  EXPECT_THAT(StatusOf(a + "," + a, 0), IsInvalid("has the tensor a twice"));
}

TEST(SafetensorsFileTest, FieldsHaveTheirTypes) {
  for (const std::string value : {"1", "null", "[]", "{}"}) {
    EXPECT_THAT(StatusOf("\"a\":{\"dtype\":" + value + "}", 0),
                IsInvalid("dtype of tensor a must be a string"))
        << value;
  }
  for (const std::string value :
       {"1", "null", "\"\"", "{}", "[-1]", "[-0]", "[1.0]", "[\"1\"]", "[[1]]", "[{}]", "[null]",
        "[9223372036854775808]", "[18446744073709551616]"}) {
    EXPECT_THAT(StatusOf("\"a\":{\"shape\":" + value + "}", 0),
                IsInvalid("shape of tensor a must be an array of integers from 0 to 2^63 - 1"))
        << value;
  }
  for (const std::string value : {"1", "null", "\"\"", "{}", "[]", "[0]", "[0,0,0]", "[-1,0]",
                                  "[0,1.5]", "[[0,0]]", "[18446744073709551616,0]"}) {
    EXPECT_THAT(StatusOf("\"a\":{\"data_offsets\":" + value + "}", 0),
                IsInvalid("data_offsets of tensor a must be an array of two integers from 0"))
        << value;
  }
}

TEST(SafetensorsFileTest, TensorsLieInTheFile) {
  constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();
  EXPECT_THAT(StatusOf(TensorJson("a", "U8", "[4]", 4, 0), 4),
              IsInvalid("tensor a has data offsets 4 to 0, must be in order and within 4 bytes"));
  EXPECT_THAT(StatusOf(TensorJson("a", "U8", "[5]", 0, 5), 4),
              IsInvalid("offsets 0 to 5, must be"));
  EXPECT_THAT(StatusOf(TensorJson("a", "U8", "[4]", kHuge - 3, kHuge), 4),
              IsInvalid("tensor a has"));
  EXPECT_THAT(StatusOf(TensorJson("a", "U8", "[0]", 5, 5), 4),
              IsInvalid("offsets 5 to 5, must be"));
}

TEST(SafetensorsFileTest, TensorsAreAsLargeAsTheirShapes) {
  EXPECT_THAT(StatusOf(TensorJson("a", "F32", "[2,3]", 0, 16), 16),
              IsInvalid("tensor a of type F32 and shape [2, 3] has 16 bytes, must have 24"));
  EXPECT_THAT(StatusOf(TensorJson("a", "U8", "[0]", 0, 4), 4), IsInvalid("must have 0"));
  for (const std::string shape :
       {"[4294967296,4294967296]", "[4611686018427387904,2,2]", "[2305843009213693952]",
        "[4611686018427387904,4611686018427387904,0]"}) {
    EXPECT_THAT(StatusOf(TensorJson("a", "F64", shape, 0, 0), 0),
                IsInvalid("has no size in bytes below 2^64"))
        << shape;
  }
  std::string ones = "1";
  for (int i = 1; i < 64; ++i) ones += ",1";
  CHIMERA_EXPECT_OK(StatusOf(TensorJson("a", "U8", "[" + ones + "]", 0, 1), 1));
  EXPECT_THAT(StatusOf(TensorJson("a", "U8", "[" + ones + ",1]", 0, 1), 1),
              IsInvalid("tensor a has 65 dimensions, must have at most 64"));
}

TEST(SafetensorsFileTest, TensorsFillTheDataOnce) {
  const std::string a = TensorJson("a", "U8", "[4]", 0, 4) + ",";
  CHIMERA_EXPECT_OK(StatusOf(a + TensorJson("b", "U8", "[4]", 4, 8), 8));
  EXPECT_THAT(StatusOf(a + TensorJson("b", "U8", "[5]", 3, 8), 8),
              IsInvalid("tensors a and b overlap"));
  EXPECT_THAT(StatusOf(a + TensorJson("b", "U8", "[4]", 0, 4), 4),
              IsInvalid("tensors a and b overlap"));
  EXPECT_THAT(StatusOf(a + TensorJson("b", "U8", "[0]", 2, 2), 4),
              IsInvalid("tensors a and b overlap"));
  EXPECT_THAT(StatusOf(a + TensorJson("b", "U8", "[3]", 5, 8), 8),
              IsInvalid("no tensor has the 1 bytes of data before tensor b"));
  EXPECT_THAT(StatusOf(TensorJson("b", "U8", "[3]", 5, 8), 8),
              IsInvalid("no tensor has the 5 bytes of data before tensor b"));
  EXPECT_THAT(StatusOf(a + TensorJson("b", "U8", "[4]", 4, 8), 9),
              IsInvalid("no tensor has the last 1 bytes of the file"));
  EXPECT_THAT(StatusOf("", 2), IsInvalid("no tensor has the last 2 bytes of the file"));
}

TEST(SafetensorsFileTest, CountsAreLimited) {
  std::string tensors;
  std::string pairs;
  for (int i = 0; i < 65536; ++i) {
    absl::StrAppend(&tensors, TensorJson(absl::StrCat(i), "U8", "[0]", 0, 0), ",");
    absl::StrAppend(&pairs, "\"", i, "\":\"\",");
  }
  const std::string last = TensorJson("x", "U8", "[0]", 0, 0);
  EXPECT_THAT(StatusOf(tensors + last, 0), IsInvalid("more than 65536 tensors"));
  EXPECT_THAT(StatusOf("\"__metadata__\":{" + pairs + "\"x\":\"\"}", 0),
              IsInvalid("more than 65536 metadata keys"));
  tensors.pop_back();
  pairs.pop_back();
  CHIMERA_EXPECT_OK(StatusOf("\"__metadata__\":{" + pairs + "}," + tensors, 0));
}

}  // namespace
}  // namespace chimera
