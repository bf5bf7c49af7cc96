#include "verifier/drafter_client/backoff.h"

#include <gtest/gtest.h>

namespace chimera {
namespace {

using std::chrono::milliseconds;

constexpr Backoff::TimePoint kStart(std::chrono::hours(1));

Backoff MakeBackoff() {
  return Backoff({.shortest = milliseconds(100), .longest = milliseconds(1000)});
}

TEST(BackoffTest, DoublesFromTheShortestToTheLongestDelay) {
  Backoff backoff = MakeBackoff();
  for (const int expected : {100, 200, 400, 800, 1000, 1000}) {
    EXPECT_EQ(backoff.Next(kStart), milliseconds(expected));
  }
}

TEST(BackoffTest, AConnectionThatLastedStartsAnew) {
  Backoff backoff = MakeBackoff();
  backoff.Next(kStart);
  backoff.Next(kStart);
  backoff.Connected(kStart);
  EXPECT_EQ(backoff.Next(kStart + milliseconds(1000)), milliseconds(100));
  // It counts once.
  EXPECT_EQ(backoff.Next(kStart + milliseconds(2000)), milliseconds(200));
}

TEST(BackoffTest, AConnectionThatDiedSoonIsOneMoreFailure) {
  Backoff backoff = MakeBackoff();
  backoff.Next(kStart);
  backoff.Connected(kStart);
  EXPECT_EQ(backoff.Next(kStart + milliseconds(999)), milliseconds(200));
}

TEST(BackoffTest, ADiscreditedConnectionIsOneMoreFailure) {
  Backoff backoff = MakeBackoff();
  backoff.Next(kStart);
  backoff.Connected(kStart);
  backoff.Discredit();
  EXPECT_EQ(backoff.Next(kStart + std::chrono::hours(1)), milliseconds(200));
}

}  // namespace
}  // namespace chimera
