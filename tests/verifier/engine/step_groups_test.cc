#include "verifier/engine/step_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/verifier/engine/test_sequence.h"

namespace chimera::testing {
namespace {

using ::testing::ElementsAre;

class StepGroupsTest : public ::testing::Test {
 protected:
  void Add(int count) {
    for (int i = 0; i < count; ++i) {
      running_.push_back(MakeTestSequence(static_cast<int64_t>(running_.size()) + 1, 1));
      running_.back()->group = -1;
    }
  }

  std::vector<int> Groups() const {
    std::vector<int> groups;
    for (const auto& sequence : running_) groups.push_back(sequence->group);
    return groups;
  }

  std::vector<std::unique_ptr<Sequence>> running_;
};

TEST_F(StepGroupsTest, OneGroupHasEveryTurn) {
  StepGroups groups(1);
  Add(3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(groups.Next(running_), 0);
    groups.Balance(running_);
  }
  EXPECT_THAT(Groups(), ElementsAre(0, 0, 0));
}

TEST_F(StepGroupsTest, TwoGroupsTakeTurns) {
  StepGroups groups(2);
  Add(5);
  const int first = groups.Next(running_);
  EXPECT_THAT(Groups(), ElementsAre(0, 1, 0, 1, 0));
  EXPECT_EQ(groups.Next(running_), 1 - first);
  EXPECT_EQ(groups.Next(running_), first);
  Add(1);
  groups.Next(running_);
  EXPECT_THAT(Groups(), ElementsAre(0, 1, 0, 1, 0, 1));
}

TEST_F(StepGroupsTest, AGroupWithoutSequencesHasNoTurn) {
  StepGroups groups(2);
  Add(1);
  EXPECT_EQ(groups.Next(running_), 0);
  EXPECT_EQ(groups.Next(running_), 0);
  Add(1);
  EXPECT_EQ(groups.Next(running_), 1);
}

TEST_F(StepGroupsTest, TheYoungestMoveWhereAGroupHasShrunk) {
  StepGroups groups(2);
  Add(6);
  groups.Next(running_);
  std::erase_if(running_, [](const auto& sequence) { return sequence->group == 0; });
  EXPECT_EQ(groups.Next(running_), 1);
  groups.Balance(running_);
  EXPECT_THAT(Groups(), ElementsAre(1, 1, 0));
  EXPECT_EQ(groups.Next(running_), 0);
  groups.Balance(running_);
  EXPECT_THAT(Groups(), ElementsAre(1, 1, 0)) << "as even as can be";
}

}  // namespace
}  // namespace chimera::testing
