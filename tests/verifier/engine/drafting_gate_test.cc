#include "verifier/engine/drafting_gate.h"

#include <gtest/gtest.h>

#include <random>

namespace chimera {
namespace {

// A drafter on a machine where a plain step takes a second: each drafted step takes `seconds` and
// yields 1 to `max_tokens` tokens a sequence. The third plain step in a row and those behind it take
// `undisturbed` seconds.
struct Drafter {
  double seconds = 1;
  int max_tokens = 1;
  double undisturbed = 1;
};

// Runs steps and counts those for which drafts were asked for.
class Server {
 public:
  explicit Server(int sequences) : sequences_(sequences) {}

  int Run(int steps, const Drafter& drafter) {
    std::uniform_int_distribution<int> tokens(1, drafter.max_tokens);
    int asked_steps = 0;
    for (int i = 0; i < steps; ++i) {
      const bool asks = gate_.Asks(sequences_);
      StepOutcome step = {.sequences = sequences_, .plain_seconds = 1};
      for (int j = 0; j < sequences_; ++j) step.tokens += asks ? tokens(random_) : 1;
      plain_steps_ = asks ? 0 : plain_steps_ + 1;
      const double plain_seconds = plain_steps_ > 2 ? drafter.undisturbed : 1;
      step.seconds = asks ? drafter.seconds : plain_seconds;
      gate_.Record(step, asks);
      asked_steps += asks ? 1 : 0;
    }
    return asked_steps;
  }

  const DraftingGate& gate() const { return gate_; }

 private:
  const int sequences_;
  DraftingGate gate_;
  std::mt19937 random_{1};
  int plain_steps_ = 0;  // in a row
};

// Of so many steps, those that may be plain to see what they take.
int PlainSteps(int steps) {
  const int runs = 1 + DraftingGate::kEagerRuns + steps / DraftingGate::kPlainInterval;
  return runs * DraftingGate::kPlainRun;
}

class DraftingGateTest : public ::testing::TestWithParam<int> {};

TEST_P(DraftingGateTest, DraftsWithoutPauseWhereItPays) {
  Server server(GetParam());
  EXPECT_GE(server.Run(5000, {.seconds = 1.3, .max_tokens = 3}), 5000 - PlainSteps(5000));
  EXPECT_NEAR(server.gate().Gain(GetParam()), 2 / 1.3, 0.3);
}

TEST_P(DraftingGateTest, GivesUpAWorthlessDrafterSoon) {
  Server server(GetParam());
  EXPECT_LE(server.Run(200, {.seconds = 1.5, .max_tokens = 1}), 20);
  EXPECT_LE(server.Run(10'000, {.seconds = 1.5, .max_tokens = 1}), 200);
}

TEST_P(DraftingGateTest, TriesThatCostMuchAreFarBetween) {
  Server server(GetParam());
  server.Run(5000, {.seconds = 20, .max_tokens = 1});
  // Each step of a try costs 19, and one percent is wanted.
  EXPECT_LE(server.Run(100'000, {.seconds = 20, .max_tokens = 1}),
            100'000 * (DraftingGate::kWarmUpSteps + DraftingGate::kMinSteps) /
                DraftingGate::kLongestCostlyPause);
}

TEST_P(DraftingGateTest, NoticesThatADrafterHasBecomeSlow) {
  Server server(GetParam());
  server.Run(2000, {.seconds = 1.3, .max_tokens = 3});
  EXPECT_LE(server.Run(200, {.seconds = 15, .max_tokens = 3}), 8);
}

TEST_P(DraftingGateTest, ForgivesAHiccup) {
  for (const int step_of_hiccup : {5, 11, 40, 400}) {
    Server server(GetParam());
    server.Run(step_of_hiccup, {.seconds = 1.3, .max_tokens = 3});
    server.Run(1, {.seconds = 100, .max_tokens = 3});
    EXPECT_GE(server.Run(1000, {.seconds = 1.3, .max_tokens = 3}), 1000 - PlainSteps(1000));
  }
}

TEST_P(DraftingGateTest, GivesUpASmallLossInTime) {
  Server server(GetParam());
  EXPECT_LT(server.Run(20'000, {.seconds = 1.05, .max_tokens = 1}), 4000);
}

TEST_P(DraftingGateTest, TriesAgain) {
  Server server(GetParam());
  server.Run(3000, {.seconds = 5, .max_tokens = 1});
  const int longest = DraftingGate::kLongestPause;
  EXPECT_GE(server.Run(2 * longest, {.seconds = 1.2, .max_tokens = 3}), longest / 2);
  EXPECT_GE(server.Run(1000, {.seconds = 1.2, .max_tokens = 3}), 1000 - PlainSteps(1000));
}

TEST_P(DraftingGateTest, KnowsThatPlainStepsAreFasterByThemselves) {
  Server losing(GetParam());
  EXPECT_LT(losing.Run(20'000, {.seconds = 1.9, .max_tokens = 3, .undisturbed = 0.85}), 4000);
  Server winning(GetParam());
  EXPECT_GE(winning.Run(5000, {.seconds = 1.5, .max_tokens = 3, .undisturbed = 0.85}),
            5000 - PlainSteps(5000));
  EXPECT_NEAR(winning.gate().Gain(GetParam()), 2 / 1.5 * 0.85, 0.25);
}

INSTANTIATE_TEST_SUITE_P(Sequences, DraftingGateTest, ::testing::Values(1, 4, 64));

// The gate after so many plain steps that the load counts as settled.
DraftingGate SettledAt(int sequences, DraftingGate gate) {
  for (int i = 0; i < DraftingGate::kSettlingSteps; ++i) {
    gate.Record({.sequences = sequences,
                 .tokens = static_cast<double>(sequences),
                 .seconds = 1,
                 .plain_seconds = 1},
                false);
  }
  return gate;
}

TEST(DraftingGateLoadTest, LoadsAreJudgedByThemselves) {
  DraftingGate gate;
  for (int i = 0; i < 30; ++i) {
    gate.Record({.sequences = 32, .tokens = 32, .seconds = 2, .plain_seconds = 1}, gate.Asks(32));
    gate.Record({.sequences = 1, .tokens = 3, .seconds = 2, .plain_seconds = 1}, gate.Asks(1));
  }
  EXPECT_FALSE(gate.Asks(32));
  gate = SettledAt(1, gate);
  EXPECT_TRUE(gate.Asks(1));
  EXPECT_TRUE(gate.Asks(5));
  EXPECT_FALSE(gate.Asks(32));
}

TEST(DraftingGateLoadTest, ALoadMustLastBehindOneThatPauses) {
  DraftingGate gate;
  for (int i = 0; i < 30; ++i) {
    gate.Record({.sequences = 4, .tokens = 4, .seconds = 2, .plain_seconds = 1}, gate.Asks(4));
  }
  for (int i = 0; i < DraftingGate::kSettlingSteps; ++i) {
    EXPECT_FALSE(gate.Asks(1)) << i;
    gate.Record({.sequences = 1, .tokens = 1, .seconds = 1, .plain_seconds = 1}, gate.Asks(1));
  }
  EXPECT_TRUE(gate.Asks(1));
}

}  // namespace
}  // namespace chimera
