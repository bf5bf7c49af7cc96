#include "common/model/json_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::IsInvalid;
using ::chimera::testing::StatusIs;
using ::testing::HasSubstr;

TEST(JsonDocumentTest, MembersByType) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(
      const JsonDocument document,
      JsonDocument::Parse("f.json", R"({"i": -3, "n": 2.5, "b": true, "s": "\u00e9", "none": null,
                                        "o": {"x": 1}, "a": [{"x": 2}, {"x": 3}]})"));
  const JsonObject root = document.root();
  EXPECT_EQ(*root.Integer("i"), -3);
  EXPECT_EQ(*root.Number("i"), -3.0);
  EXPECT_EQ(*root.Number("n"), 2.5);
  EXPECT_EQ(*root.Bool("b"), true);
  EXPECT_EQ(*root.String("s"), "\u00e9");
  EXPECT_EQ(*(*root.Object("o"))->Integer("x"), 1);
  ASSERT_EQ(root.Objects("a")->size(), 2u);
  EXPECT_EQ(*root.Objects("a")->at(1).Integer("x"), 3);
  for (const char* absent : {"none", "nowhere"}) {
    EXPECT_FALSE(root.Has(absent));
    EXPECT_EQ(*root.Integer(absent), std::nullopt);
    EXPECT_EQ(*root.String(absent), std::nullopt);
    EXPECT_FALSE(root.Object(absent)->has_value());
    EXPECT_TRUE(root.Objects(absent)->empty());
  }
}

TEST(JsonDocumentTest, MessagesNameTheWayToTheMember) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(
      const JsonDocument document,
      JsonDocument::Parse("f.json", R"({"o": {"x": "1"}, "a": [{}, {"\u001b": 1.5}, 7],
                                        "big": 9223372036854775808})"));
  const JsonObject root = document.root();
  const std::optional<JsonObject> object = *root.Object("o");
  EXPECT_THAT(object->Integer("x"), IsInvalid("f.json: key o.x must be an integer"));
  EXPECT_THAT(object->Number("x"), IsInvalid("f.json: key o.x must be a number"));
  EXPECT_THAT(object->Bool("x"), IsInvalid("f.json: key o.x must be true or false"));
  EXPECT_THAT(object->Object("x"), IsInvalid("f.json: key o.x must be an object"));
  EXPECT_THAT(object->Objects("x"), IsInvalid("f.json: key o.x must be an array"));
  EXPECT_THAT(root.String("o"), IsInvalid("f.json: key o must be a string"));
  EXPECT_THAT(root.Objects("a"), IsInvalid("f.json: key a[2] must be an object"));
  EXPECT_THAT(root.Integer("big"), IsInvalid("f.json: key big must be an integer below 2^63"));
  EXPECT_THAT(Required(object->String("y"), *object, "y"), IsInvalid("f.json: key o.y is missing"));
  EXPECT_THAT(root.NameOf("\x1b"), "f.json: key \\x1b");
}

TEST(JsonDocumentTest, NeutralValues) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(
      const JsonDocument document,
      JsonDocument::Parse("f.json", R"({"one": 1, "no": false, "object": {"a": "\u00e9"}})"));
  const JsonObject root = document.root();
  EXPECT_TRUE(root.RequireNeutral("one", 1.0).ok());
  EXPECT_TRUE(root.RequireNeutral("no", false).ok());
  EXPECT_TRUE(root.RequireNeutral("absent", nullptr).ok());
  EXPECT_THAT(root.RequireNeutral("one", 2),
              StatusIs(absl::StatusCode::kUnimplemented, "f.json: key one is 1; supported: 2"));
  EXPECT_THAT(root.RequireNeutral("object", nullptr),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("; supported: null")));
}

TEST(JsonDocumentTest, TextsThatAreNoObject) {
  EXPECT_THAT(JsonDocument::Parse("f.json", "[1]").status(),
              IsInvalid("f.json must hold an object"));
  for (const std::string text : {"", "{", "{\"a\": 1} x", "{\"a\": \"\xff\"}", "{\"a\": 1e999}"}) {
    EXPECT_THAT(JsonDocument::Parse("f.json", text).status(),
                IsInvalid("f.json is not valid JSON in UTF-8: byte "))
        << text;
  }
  EXPECT_THAT(JsonDocument::Parse("f.json", std::string(kMaxJsonBytes + 1, ' ')).status(),
              IsInvalid("f.json has 67108865 bytes, must have at most 67108864"));
}

std::string Nested(int depth) {
  std::string text = "{\"a\":";
  text.append(depth - 1, '[').append(depth - 1, ']');
  return text + "}";
}

TEST(JsonDocumentTest, DepthIsLimited) {
  EXPECT_TRUE(JsonDocument::Parse("f.json", Nested(kMaxJsonDepth)).ok());
  for (const int depth : {kMaxJsonDepth + 1, 1000000}) {
    EXPECT_THAT(JsonDocument::Parse("f.json", Nested(depth)).status(),
                IsInvalid("f.json is nested deeper than 32"));
  }
}

}  // namespace
}  // namespace chimera
