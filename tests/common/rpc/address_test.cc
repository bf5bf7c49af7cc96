#include "common/rpc/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(AddressTest, ParsesUnixSockets) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Address address, ParseListenAddress("unix:/run/x.sock"));
  EXPECT_TRUE(address.is_unix());
  EXPECT_EQ(address.unix_path, "/run/x.sock");
  EXPECT_EQ(address.ToString(), "unix:/run/x.sock");
}

TEST(AddressTest, AcceptsTheUrlFormOfUnixSockets) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Address address, ParseDialAddress("unix:///run/x.sock"));
  EXPECT_EQ(address.unix_path, "/run/x.sock");
}

TEST(AddressTest, ParsesHostsAndPorts) {
  for (const std::string text : {"localhost:1", "10.0.0.1:65535", "[::1]:50051", "a-b.c_d.e:80"}) {
    CHIMERA_ASSERT_OK_AND_ASSIGN(const Address address, ParseDialAddress(text));
    EXPECT_FALSE(address.is_unix());
    EXPECT_EQ(address.ToString(), text);
    EXPECT_EQ(ParseListenAddress(text).value(), address);
  }
}

TEST(AddressTest, OnlyListenersMayLeaveThePortToTheKernel) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(const Address address, ParseListenAddress("127.0.0.1:0"));
  EXPECT_EQ(address.port, 0);
  EXPECT_THAT(ParseDialAddress("127.0.0.1:0"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("[1, 65535]")));
}

TEST(AddressTest, TakesUnixPathsUpToTheKernelsLimit) {
  const std::string longest = "unix:/" + std::string(106, 'x');
  CHIMERA_EXPECT_OK(ParseListenAddress(longest));
  EXPECT_THAT(ParseListenAddress(longest + "x"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 107 bytes")));
}

struct BadAddress {
  std::string text;
  std::string problem;
};

class BadAddressTest : public ::testing::TestWithParam<BadAddress> {};

TEST_P(BadAddressTest, IsRefusedWithTheTextAndTheProblem) {
  const auto refused =
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("\"" + GetParam().text + "\""), HasSubstr(GetParam().problem)));
  EXPECT_THAT(ParseListenAddress(GetParam().text), refused);
  EXPECT_THAT(ParseDialAddress(GetParam().text), refused);
}

INSTANTIATE_TEST_SUITE_P(
    All, BadAddressTest,
    ::testing::Values(BadAddress{"", "expected unix:/path or host:port"},
                      BadAddress{"localhost", "expected unix:/path or host:port"},
                      BadAddress{"unix:", "absolute"}, BadAddress{"unix:x.sock", "absolute"},
                      BadAddress{"unix:/", "missing"}, BadAddress{":80", "host is missing"},
                      BadAddress{"localhost:", "port"}, BadAddress{"localhost:65536", "65535"},
                      BadAddress{"localhost:-1", "port"}, BadAddress{"localhost:+1", "port"},
                      BadAddress{"localhost: 1", "port"}, BadAddress{"localhost:8o", "port"},
                      BadAddress{"localhost:99999999999", "port"}, BadAddress{"::1:80", "brackets"},
                      BadAddress{"http://x:80", "brackets"}, BadAddress{"a b:80", "host name"},
                      BadAddress{"a/b:80", "host name"}, BadAddress{"[xyz]:80", "host name"}));

}  // namespace
}  // namespace chimera
