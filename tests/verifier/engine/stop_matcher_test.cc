#include "verifier/engine/stop_matcher.h"

#include <gtest/gtest.h>

namespace chimera {
namespace {

// What a matcher lets through of a text that comes one byte at a time.
std::string Feed(StopMatcher* matcher, const std::string& text) {
  std::string result;
  for (const char byte : text) result += matcher->Append(std::string(1, byte));
  return result;
}

TEST(StopMatcherTest, LetsTextThroughWithoutStopStrings) {
  StopMatcher matcher({});
  EXPECT_EQ(matcher.Append("hello"), "hello");
  EXPECT_FALSE(matcher.stopped());
}

TEST(StopMatcherTest, HoldsBackWhatMayBeginAStopString) {
  StopMatcher matcher({"END"});
  EXPECT_EQ(matcher.Append("the E"), "the ");
  EXPECT_EQ(matcher.Append("N"), "");
  EXPECT_EQ(matcher.Append("E"), "EN");
  EXPECT_EQ(matcher.Finish(), "E");
}

TEST(StopMatcherTest, EndsBeforeTheStopString) {
  StopMatcher matcher({"END"});
  EXPECT_EQ(Feed(&matcher, "a EN END b"), "a EN ");
  EXPECT_TRUE(matcher.stopped());
  EXPECT_EQ(matcher.Append("more"), "");
  EXPECT_EQ(matcher.Finish(), "");
}

TEST(StopMatcherTest, TheOneThatBeginsFirstCounts) {
  StopMatcher matcher({"c", "abcd"});
  EXPECT_EQ(matcher.Append("xabcd"), "x");
  EXPECT_TRUE(matcher.stopped());
}

TEST(StopMatcherTest, OverlappingBeginningsAreFound) {
  StopMatcher matcher({"aab"});
  EXPECT_EQ(Feed(&matcher, "aaaab"), "aa");
  EXPECT_TRUE(matcher.stopped());
}

}  // namespace
}  // namespace chimera
