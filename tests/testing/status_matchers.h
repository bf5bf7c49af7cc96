// GoogleMock matchers for absl::Status and absl::StatusOr.

#ifndef CHIMERA_TESTS_TESTING_STATUS_MATCHERS_H_
#define CHIMERA_TESTS_TESTING_STATUS_MATCHERS_H_

#include <gmock/gmock.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace chimera::testing {

inline const absl::Status& GetStatus(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& GetStatus(const absl::StatusOr<T>& status) {
  return status.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).ok();
}

// The code equals `code` and the message matches `message`, for example HasSubstr("top_k").
MATCHER_P2(StatusIs, code, message, "has the status code and a message that matches") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).code() == code &&
         ::testing::ExplainMatchResult(message, std::string(GetStatus(arg).message()),
                                       result_listener);
}

// What a bad file is answered with: the message contains `text`.
inline auto IsInvalid(const std::string& text) {
  return StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr(text));
}

// What a file is answered with whose contents are good, but not supported.
inline auto IsUnimplemented(const std::string& text) {
  return StatusIs(absl::StatusCode::kUnimplemented, ::testing::HasSubstr(text));
}

}  // namespace chimera::testing

#define CHIMERA_ASSERT_OK(expression) ASSERT_THAT(expression, ::chimera::testing::IsOk())
#define CHIMERA_EXPECT_OK(expression) EXPECT_THAT(expression, ::chimera::testing::IsOk())

// Declares `target` with the value of a StatusOr, or fails the test.
#define CHIMERA_ASSERT_OK_AND_ASSIGN(target, expression) \
  CHIMERA_ASSERT_OK_AND_ASSIGN_IMPL(CHIMERA_TEST_CONCAT(chimera_or_, __LINE__), target, expression)
#define CHIMERA_TEST_CONCAT_INNER(a, b) a##b
#define CHIMERA_TEST_CONCAT(a, b) CHIMERA_TEST_CONCAT_INNER(a, b)
#define CHIMERA_ASSERT_OK_AND_ASSIGN_IMPL(status_or, target, expression) \
  auto status_or = (expression);                                         \
  ASSERT_TRUE(status_or.ok()) << status_or.status();                     \
  target = std::move(status_or).value()

#endif  // CHIMERA_TESTS_TESTING_STATUS_MATCHERS_H_
