#include "common/model/byte_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/common/model/memory_model.h"
#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::FileBytes;
using ::chimera::testing::StatusIs;
using ::testing::HasSubstr;

TEST(ByteReaderTest, ReadsLittleEndianOneAfterTheOther) {
  const std::vector<std::byte> bytes = FileBytes("\x01\x02\x03\xff\xff\xff\xff");
  ByteReader reader(bytes);
  EXPECT_EQ(reader.Read<uint8_t>("a").value(), 1);
  EXPECT_EQ(reader.Read<uint16_t>("b").value(), 0x0302);
  EXPECT_EQ(reader.Read<int32_t>("c").value(), -1);
  EXPECT_EQ(reader.offset(), 7u);
  EXPECT_EQ(reader.remaining(), 0u);
}

TEST(ByteReaderTest, RefusesToLeaveItsBytesAndStaysWhereItWas) {
  const std::vector<std::byte> bytes = FileBytes("1234567");
  ByteReader reader(bytes);
  ASSERT_EQ(reader.Read<uint32_t>("magic").value(), 0x34333231u);
  EXPECT_THAT(reader.Read<uint32_t>("version"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "version needs 4 bytes at offset 4, the file has 3 more"));
  EXPECT_THAT(reader.ReadBytes(std::numeric_limits<uint64_t>::max(), "all"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("18446744073709551615")));
  EXPECT_EQ(reader.offset(), 4u);
  EXPECT_EQ(reader.ReadBytes(3, "rest").value().size(), 3u);
  EXPECT_EQ(reader.ReadBytes(0, "nothing").value().size(), 0u);
}

TEST(ByteReaderTest, ReadsStringsByTheirLength) {
  const std::vector<std::byte> bytes =
      FileBytes(std::string("\2\0\0\0\0\0\0\0hi\3\0\0\0\0\0\0\0hi", 20));
  ByteReader reader(bytes);
  EXPECT_EQ(reader.ReadString("greeting").value(), "hi");
  EXPECT_THAT(reader.ReadString("name"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name needs 3 bytes")));
}

TEST(ByteReaderTest, RefusesStringsWhoseEndOverflows) {
  const std::vector<std::byte> bytes = FileBytes(std::string(8, '\xff') + "hi");
  ByteReader reader(bytes);
  EXPECT_THAT(reader.ReadString("name"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name needs")));
}

}  // namespace
}  // namespace chimera
