#include "common/rpc/termination_signals.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

namespace chimera {
namespace {

// Blocked signals stay blocked for the rest of the process, so every test forks. Ends the fork with
// 0 if WaitForTermination returns `expected`.
[[noreturn]] void ExpectSignal(int expected) { _exit(WaitForTermination() == expected ? 0 : 1); }

class TerminationSignalsDeathTest : public ::testing::TestWithParam<int> {};

TEST_P(TerminationSignalsDeathTest, WaitReturnsTheSignal) {
  EXPECT_EXIT(
      {
        BlockTerminationSignals();
        std::thread([] { kill(getpid(), GetParam()); }).detach();
        ExpectSignal(GetParam());
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_P(TerminationSignalsDeathTest, ASignalBeforeTheWaitIsNotLost) {
  EXPECT_EXIT(
      {
        BlockTerminationSignals();
        kill(getpid(), GetParam());
        ExpectSignal(GetParam());
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_P(TerminationSignalsDeathTest, ASecondSignalEndsTheProcess) {
  EXPECT_EXIT(
      {
        BlockTerminationSignals();
        kill(getpid(), GetParam());
        WaitForTermination();
        kill(getpid(), GetParam());
      },
      ::testing::KilledBySignal(GetParam()), "");
}

INSTANTIATE_TEST_SUITE_P(All, TerminationSignalsDeathTest, ::testing::Values(SIGTERM, SIGINT));

}  // namespace
}  // namespace chimera
