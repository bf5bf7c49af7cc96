#include "verifier/drafter_client/backoff.h"

#include <gtest/gtest.h>

namespace chimera {
namespace {

using std::chrono::milliseconds;

TEST(BackoffTest, DoublesFromTheShortestToTheLongestDelay) {
  Backoff backoff({.shortest = milliseconds(100), .longest = milliseconds(1000)});
  for (const int expected : {100, 200, 400, 800, 1000, 1000}) {
    EXPECT_EQ(backoff.Next(), milliseconds(expected));
  }
}

TEST(BackoffTest, ResetStartsAnew) {
  Backoff backoff({.shortest = milliseconds(100), .longest = milliseconds(1000)});
  backoff.Next();
  backoff.Next();
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), milliseconds(100));
}

}  // namespace
}  // namespace chimera
