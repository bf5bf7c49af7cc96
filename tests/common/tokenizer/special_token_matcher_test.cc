#include "common/tokenizer/special_token_matcher.h"

#include <gtest/gtest.h>

namespace chimera {
namespace {

void ExpectMatch(const std::optional<SpecialTokenMatch>& match, size_t begin, size_t size,
                 int32_t token) {
  ASSERT_TRUE(match.has_value());
  EXPECT_EQ(match->begin, begin);
  EXPECT_EQ(match->size, size);
  EXPECT_EQ(match->token, token);
}

TEST(SpecialTokenMatcherTest, LeftmostThenLongest) {
  SpecialTokenMatcher matcher;
  matcher.Add("<a>", 1);
  matcher.Add("<a><b>", 2);
  matcher.Add("b><a>", 3);
  ExpectMatch(matcher.Find("x<a><b><a>", 0), 1, 6, 2);
  ExpectMatch(matcher.Find("x<a><b><a>", 2), 5, 5, 3);
  ExpectMatch(matcher.Find("x<a><b", 0), 1, 3, 1);
  EXPECT_FALSE(matcher.Find("x<a", 0).has_value());
  EXPECT_FALSE(matcher.Find("", 0).has_value());
}

TEST(SpecialTokenMatcherTest, EmptyTextIsIgnoredAndTheFirstOfEqualTextsCounts) {
  SpecialTokenMatcher matcher;
  matcher.Add("", 1);
  matcher.Add("<a>", 2);
  matcher.Add("<a>", 3);
  ExpectMatch(matcher.Find("<a>", 0), 0, 3, 2);
  EXPECT_FALSE(matcher.Find("abc", 0).has_value());
}

}  // namespace
}  // namespace chimera
