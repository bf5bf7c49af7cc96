#include "common/cuda/blas/first_usable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

using cuda::FirstUsable;
using ::testing::ElementsAre;

constexpr char kNone[] = "no algorithm fits";

class FirstUsableTest : public ::testing::Test {
 protected:
  // Tries the candidates, of which those below `usable` fail with `error`, and returns the first
  // that does not, times ten.
  absl::StatusOr<int> Choose(const std::vector<int>& candidates, int usable,
                             const absl::Status& error) {
    return FirstUsable(candidates, kNone, [&](int candidate) -> absl::StatusOr<int> {
      tried_.push_back(candidate);
      if (candidate < usable) return error;
      return 10 * candidate;
    });
  }

  std::vector<int> tried_;
};

TEST_F(FirstUsableTest, GoesOnAfterErrorsOfOne) {
  for (const absl::Status& error :
       {absl::InternalError("not supported"), absl::UnimplementedError("serves no 128 rows"),
        absl::FailedPreconditionError("another architecture")}) {
    tried_.clear();
    CHIMERA_ASSERT_OK_AND_ASSIGN(const int chosen, Choose({1, 2, 3, 4}, 3, error));
    EXPECT_EQ(chosen, 30);
    EXPECT_THAT(tried_, ElementsAre(1, 2, 3));
  }
}

TEST_F(FirstUsableTest, NamesTheLastReason) {
  EXPECT_THAT(Choose({1, 2}, 3, absl::InternalError("not supported")),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "no algorithm fits: the last of 2: not supported"));
  EXPECT_THAT(tried_, ElementsAre(1, 2));
  EXPECT_THAT(Choose({}, 3, absl::OkStatus()),
              StatusIs(absl::StatusCode::kFailedPrecondition, kNone));
}

TEST_F(FirstUsableTest, EndsWhereNoOtherWouldDoBetter) {
  for (const absl::Status& error :
       {cuda::DeviceLostError("gone"), absl::ResourceExhaustedError("out of memory")}) {
    tried_.clear();
    EXPECT_EQ(Choose({1, 2, 3}, 3, error).status(), error);
    EXPECT_THAT(tried_, ElementsAre(1));
  }
}

}  // namespace
}  // namespace chimera::testing
