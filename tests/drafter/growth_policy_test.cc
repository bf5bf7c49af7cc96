#include "drafter/growth_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/testing/fake_clock.h"

namespace chimera {
namespace {

using std::chrono::milliseconds;

constexpr DraftPrices kPrices = {.token_seconds = 0.010f, .node_seconds = 0.001f};

class GrowthPolicyTest : public ::testing::Test {
 protected:
  void DraftLevel(int32_t node_count, milliseconds time) {
    policy_.StartLevel();
    clock_.Advance(time);
    policy_.EndLevel(node_count);
  }

  testing::FakeClock clock_;
  GrowthPolicy policy_{&clock_};
};

TEST_F(GrowthPolicyTest, ANodeMustBeWorthItsPrice) {
  EXPECT_FLOAT_EQ(GrowthPolicy::MinPathProbability(kPrices, 0.04f), 0.1f);
  EXPECT_EQ(GrowthPolicy::MinPathProbability({.token_seconds = 1}, 0.04f), 0.0f) << "free";
  EXPECT_EQ(GrowthPolicy::MinPathProbability({}, 0.04f), 0.04f) << "unknown";
}

TEST_F(GrowthPolicyTest, ACandidateIsWorthWhatItsBestChildAdds) {
  // Likeliest children count as one half before any was seen.
  EXPECT_NEAR(policy_.SecondsSaved(kPrices, 2, 0.8f, 0), 0.8 * 0.5 * 0.010 - 0.001, 1e-8);
  EXPECT_NEAR(policy_.SecondsSaved(kPrices, 2, 0.8f, 0.3f), 0.8 * 0.2 * 0.010 - 0.001, 1e-8);
  EXPECT_EQ(policy_.SecondsSaved(kPrices, 2, 0.8f, 0.6f), 0) << "it has a better one";
  EXPECT_EQ(policy_.SecondsSaved(kPrices, 2, 0.1f, 0), 0) << "the child is not worth its price";
}

TEST_F(GrowthPolicyTest, LearnsOfBestChildrenByDepth) {
  for (int i = 0; i < 500; ++i) {
    policy_.RecordBestChild(2, 0.9f);
    policy_.RecordBestChild(3, i % 2 == 0 ? 0.0f : 0.4f);
  }
  EXPECT_NEAR(policy_.SecondsSaved(kPrices, 2, 1, 0), 0.008f, 1e-5f);
  EXPECT_NEAR(policy_.SecondsSaved(kPrices, 3, 1, 0), 0.001f, 1e-4f);
  EXPECT_NEAR(policy_.SecondsSaved(kPrices, 4, 1, 0), 0.004, 1e-8);
}

TEST_F(GrowthPolicyTest, ALevelMustPayForItsOwnTime) {
  EXPECT_TRUE(policy_.Pays(4, 1e-9)) << "one that was never tried is";
  for (int i = 0; i < 100; ++i) DraftLevel(4, milliseconds(i % 2 == 0 ? 3 : 5));
  EXPECT_TRUE(policy_.Pays(4, 0.0043));
  EXPECT_FALSE(policy_.Pays(4, 0.0037));
}

TEST_F(GrowthPolicyTest, SizesThatWereNotMeasuredAreJudgedByTheNearest) {
  DraftLevel(4, milliseconds(4));
  EXPECT_TRUE(policy_.Pays(9, 0.0041)) << "takes at least as long as a smaller one";
  EXPECT_FALSE(policy_.Pays(9, 0.0039));
  EXPECT_TRUE(policy_.Pays(1, 0.0011)) << "perhaps a quarter";
  EXPECT_FALSE(policy_.Pays(1, 0.0009));
  DraftLevel(40, milliseconds(20));
  EXPECT_FALSE(policy_.Pays(64, 0.019)) << "the same power of two";
  EXPECT_TRUE(policy_.Pays(32, 0.005));
  EXPECT_FALSE(policy_.Pays(100'000, 0.019));
}

TEST_F(GrowthPolicyTest, AnOutlierOfAnotherSizeDoesNotEither) {
  DraftLevel(1, milliseconds(1000));
  int declined = 0;
  while (!policy_.Pays(4, 0.1) && declined < 10'000) ++declined;
  EXPECT_LT(declined, 10'000);
}

TEST_F(GrowthPolicyTest, AnOutlierDoesNotKeepLevelsAwayForEver) {
  DraftLevel(8, milliseconds(1000));
  int declined = 0;
  while (!policy_.Pays(8, 0.1) && declined < 10'000) ++declined;
  EXPECT_GT(declined, 100);
  EXPECT_LT(declined, 2000);
}

TEST_F(GrowthPolicyTest, PoorChildrenDoNotKeepLevelsAwayForEver) {
  for (int i = 0; i < 500; ++i) policy_.RecordBestChild(2, 0);
  DraftLevel(1, milliseconds(1));
  int declined = 0;
  while (!policy_.Pays(1, policy_.SecondsSaved(kPrices, 2, 0.9f, 0)) && declined < 10'000)
    ++declined;
  EXPECT_GT(declined, 100);
  EXPECT_LT(declined, 2000);
}

}  // namespace
}  // namespace chimera
