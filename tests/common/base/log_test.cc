#include "common/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(LogTest, NamesTheLevelsThatThereAre) {
  EXPECT_THAT(InitLogging("program", "loud"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("loud"), HasSubstr("debug, info, warning, error"))));
}

// In one test, because a process sets up its logging once.
TEST(LogTest, WritesTimeLevelProgramAndFieldsFromTheLevelUp) {
  ASSERT_TRUE(InitLogging("chimera-test", "warning").ok());
  ::testing::internal::CaptureStderr();
  LogInfo("not shown");
  LogWarning("drafter lost address={} streams={}", "unix:/x", 3);
  LogError("engine stopped");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              MatchesRegex("[0-9T:.-]+ warning chimera-test: drafter lost address=unix:/x "
                           "streams=3\n[0-9T:.-]+ error chimera-test: engine stopped\n"));
}

}  // namespace
}  // namespace chimera
