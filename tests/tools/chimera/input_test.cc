#include "tools/chimera/input.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::HasSubstr;

class InputTest : public ::testing::Test {
 protected:
  InputTest() { EXPECT_EQ(pipe(fds_), 0); }
  ~InputTest() override {
    close(fds_[0]);
    Close();
  }

  void Type(const std::string& text) {
    EXPECT_EQ(write(fds_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void Close() {
    if (fds_[1] >= 0) close(fds_[1]);
    fds_[1] = -1;
  }

  int fds_[2];
  Cancellation cancellation_;
};

TEST_F(InputTest, ReadsLinesAndTheUnfinishedLast) {
  Input input(fds_[0], &cancellation_, 100);
  Type("one\n\ntw");
  EXPECT_EQ(*input.ReadLine(), "one");
  EXPECT_EQ(*input.ReadLine(), "");
  Type("o\nthree");
  EXPECT_EQ(*input.ReadLine(), "two");
  Close();
  EXPECT_EQ(*input.ReadLine(), "three");
  EXPECT_EQ(*input.ReadLine(), std::nullopt);
  EXPECT_EQ(*input.ReadLine(), std::nullopt);
}

TEST_F(InputTest, ReadsEverything) {
  Input input(fds_[0], &cancellation_, 100);
  Type("one\ntwo\n");
  Close();
  EXPECT_EQ(*input.ReadAll(), "one\ntwo\n");
}

TEST_F(InputTest, RefusesMoreThanItsLimit) {
  const auto is_error = StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("longer than 5"));
  Type("12345\n123456\n");
  Input lines(fds_[0], &cancellation_, 5);
  EXPECT_EQ(*lines.ReadLine(), "12345");
  EXPECT_THAT(lines.ReadLine(), is_error);
  Type("123456");
  EXPECT_THAT(Input(fds_[0], &cancellation_, 5).ReadAll(), is_error);
  Type("123456");
  EXPECT_THAT(Input(fds_[0], &cancellation_, 5).ReadLine(), is_error);
}

TEST_F(InputTest, CancellationEndsAWait) {
  Input input(fds_[0], &cancellation_, 100);
  std::thread canceller([&] { cancellation_.Cancel(); });
  EXPECT_THAT(input.ReadLine(), StatusIs(absl::StatusCode::kCancelled, ::testing::_));
  canceller.join();
}

TEST_F(InputTest, ADescriptorThatCannotBeReadIsAnError) {
  const int folder = open("/", O_RDONLY);
  EXPECT_THAT(Input(folder, &cancellation_, 100).ReadAll(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("cannot read")));
  close(folder);
}

}  // namespace
}  // namespace chimera
