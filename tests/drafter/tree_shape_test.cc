#include "drafter/tree_shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::HasSubstr;

TEST(TreeShapeTest, IsAListOfNumbers) {
  const struct {
    const char* value;
    TreeShape shape;
  } cases[] = {{"", {}}, {"4,2,1", {4, 2, 1}}, {"63", {63}}, {"1,1,1", {1, 1, 1}}};
  for (const auto& [value, shape] : cases) {
    CHIMERA_ASSERT_OK_AND_ASSIGN(const TreeShape parsed, ParseTreeShape(value));
    EXPECT_EQ(parsed, shape) << value;
  }
  CHIMERA_EXPECT_OK(ParseTreeShape("1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"));
}

TEST(TreeShapeTest, RefusesWhatIsNoTree) {
  for (const char* value : {"0", "-1", "4,", ",", "4;2", "4,two", "99999999999"}) {
    EXPECT_THAT(ParseTreeShape(value),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("must be positive numbers")))
        << value;
  }
  for (const char* value : {"64", "8,7", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "2147483647"}) {
    EXPECT_THAT(ParseTreeShape(value),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("may have 63 nodes")))
        << value;
  }
}

}  // namespace
}  // namespace chimera
