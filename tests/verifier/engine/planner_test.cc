#include "verifier/engine/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chimera {
namespace {

using ::testing::ElementsAre;

TEST(StepTimeTableTest, JoinsThePointsByLines) {
  const StepTimeTable table({{1, 1.0}, {2, 1.5}, {4, 3.5}});
  EXPECT_DOUBLE_EQ(table.Seconds(1), 1.0);
  EXPECT_DOUBLE_EQ(table.Seconds(2), 1.5);
  EXPECT_DOUBLE_EQ(table.Seconds(3), 2.5);
  EXPECT_DOUBLE_EQ(table.Seconds(6), 5.5);
}

TEST(StepTimeTableTest, LearnsWhatStepsTakeLater) {
  StepTimeTable table({{1, 1.0}, {2, 1.5}, {4, 3.5}});
  for (int i = 0; i < 300; ++i) table.Observe(i % 2 == 0 ? 1 : 3, i % 2 == 0 ? 2.0 : 7.0);
  EXPECT_NEAR(table.Seconds(1), 2.0, 0.05);
  EXPECT_NEAR(table.Seconds(3), 7.0, 0.2);
  // What was not observed follows.
  EXPECT_GT(table.Seconds(8), 1.5 * 11.5);
}

TEST(StepTimeTableTest, ARareStepShowsMuch) {
  StepTimeTable table({{1, 1.0}, {8, 1.1}, {64, 2.0}});
  // Eight rows take twice as long as at the start, one row does not.
  for (int i = 0; i < 1000; ++i) table.Observe(i % 64 == 0 ? 1 : 8, i % 64 == 0 ? 1.0 : 2.2);
  EXPECT_NEAR(table.Seconds(1), 1.0, 0.15);
  EXPECT_NEAR(table.Seconds(8), 2.2, 0.1);
}

TEST(StepTimeTableTest, WhatWasNeverSeenGivesWayToWhatIs) {
  // The first figures were of a slow moment.
  StepTimeTable table({{1, 5.0}, {2, 5.5}, {3, 5.5}, {4, 5.5}, {8, 5.6}});
  for (int i = 0; i < 200; ++i) table.Observe(i % 2 == 0 ? 4 : 8, i % 2 == 0 ? 3.0 : 6.0);
  EXPECT_NEAR(table.Seconds(4), 3.0, 0.2);
  EXPECT_NEAR(table.Seconds(8), 6.0, 0.3);
  EXPECT_LE(table.Seconds(1), table.Seconds(2));
  EXPECT_LE(table.Seconds(2), table.Seconds(4));
}

TEST(StepTimeTableTest, ForgetsWhatWasNotSeenForLong) {
  StepTimeTable table({{1, 1.0}, {8, 1.1}, {64, 2.0}});
  for (int i = 0; i < 500; ++i) table.Observe(i % 2 == 0 ? 1 : 8, i % 2 == 0 ? 1.0 : 8.0);
  EXPECT_GT(table.Seconds(8), 7.0);
  for (int i = 0; i < 20'000; ++i) table.Observe(1, 1.0);
  EXPECT_LT(table.Seconds(8), 1.2);
}

TEST(StepTimeTableTest, RowsNeverBecomeCheaperThanNone) {
  StepTimeTable table({{1, 1.0}, {32, 2.0}, {64, 2.1}});
  for (int i = 0; i < 500; ++i) table.Observe(64, 0.5);
  for (int i = 0; i < 500; ++i) table.Observe(32, 2.0);
  EXPECT_GE(table.Seconds(64), table.Seconds(32));
  EXPECT_GE(table.Seconds(1024), table.Seconds(64));
}

TEST(StepTimeTableTest, OneStepThatWasHeldUpTellsLittle) {
  StepTimeTable table({{1, 1.0}, {2, 1.5}});
  table.Observe(1, 1000.0);
  EXPECT_LT(table.Seconds(1), 1.05);
  table.Observe(1, 0.0001);
  EXPECT_GT(table.Seconds(1), 0.95);
}

TEST(PlannerTest, VerifiesEverythingWhenRowsAreFree) {
  const StepTimeTable free_rows({{1, 1.0}, {64, 1.0}});
  const std::vector<float> a = {0.5f, 0.1f}, b = {0.2f};
  EXPECT_THAT(PlanNodes(std::vector<PathProbabilities>{a, b}, {2}, free_rows), ElementsAre(2, 1));
}

TEST(PlannerTest, VerifiesNothingAtALoss) {
  const StepTimeTable linear({{1, 1.0}, {64, 64.0}});
  const std::vector<float> a = {0.9f, 0.8f};
  EXPECT_THAT(PlanNodes(std::vector<PathProbabilities>{a}, {1}, linear), ElementsAre(0));
}

TEST(PlannerTest, OneCandidateEachPaysByWhatItsRowTakes) {
  const StepTimeTable table({{1, 1.0}, {4, 1.0}, {8, 2.0}});
  EXPECT_DOUBLE_EQ(OneCandidateGain(1, 0.5, 0, table), 1.5);
  EXPECT_DOUBLE_EQ(OneCandidateGain(4, 0.5, 0, table), 0.75);
  EXPECT_DOUBLE_EQ(OneCandidateGain(4, 0.5, 1, table), 1.0);
}

TEST(PlannerTest, TakesTheMostProbableOfAllSequencesFirst) {
  // Two rows more cost almost nothing, further ones double the time.
  const StepTimeTable table({{2, 1.0}, {4, 1.01}, {5, 2.0}, {6, 4.0}});
  const std::vector<float> a = {0.9f, 0.8f, 0.1f}, b = {0.3f};
  EXPECT_THAT(PlanNodes(std::vector<PathProbabilities>{a, b}, {2}, table), ElementsAre(2, 0));
}

TEST(PlannerTest, LooksPastAStepOfTheStaircase) {
  // The second row is dear, the third and fourth come with it.
  const StepTimeTable table({{1, 1.0}, {2, 2.0}, {4, 2.0}});
  const std::vector<float> a = {0.95f, 0.9f, 0.85f};
  EXPECT_THAT(PlanNodes(std::vector<PathProbabilities>{a}, {1}, table), ElementsAre(3));
}

TEST(PlannerTest, TimeSpentOnDraftingMakesCandidatesWorthMore) {
  const StepTimeTable linear({{1, 1.0}, {64, 64.0}});
  const std::vector<float> a = {0.9f, 0.4f};
  EXPECT_THAT(PlanNodes(std::vector<PathProbabilities>{a}, {1, 0.5}, linear), ElementsAre(1));
  EXPECT_THAT(PlanNodes(std::vector<PathProbabilities>{a}, {1, 4.0}, linear), ElementsAre(2));
}

TEST(PlannerTest, SequencesWithoutCandidatesAreServed) {
  const StepTimeTable table({{1, 1.0}, {64, 1.0}});
  EXPECT_THAT(PlanNodes(std::vector<PathProbabilities>{{}, {}}, {2}, table), ElementsAre(0, 0));
}

}  // namespace
}  // namespace chimera
