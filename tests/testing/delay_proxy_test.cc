#include "tests/testing/delay_proxy.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "tests/testing/stream_socket.h"
#include "tests/testing/temp_directory.h"

namespace chimera::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kDelay(30);

void Write(const OwnedFd& fd, const std::string& bytes) {
  ASSERT_EQ(send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
}

// Reads until `size` bytes have come, or the end.
std::string Read(const OwnedFd& fd, size_t size) {
  std::string bytes(size, '\0');
  bytes.resize(static_cast<size_t>(
      std::max<ssize_t>(recv(fd.get(), bytes.data(), bytes.size(), MSG_WAITALL), 0)));
  return bytes;
}

std::string ManyBytes(size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
  return bytes;
}

// Over Unix sockets, or over loopback ports.
class DelayProxyTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    server_address_ = MakeAddress("server");
    listener_ = Listen(&server_address_);
    proxy_ = std::make_unique<DelayProxy>(MakeAddress("proxy"), server_address_, kDelay);
  }

  Address MakeAddress(const std::string& name) const {
    if (GetParam()) return {.host = "127.0.0.1", .port = 0};
    return {.unix_path = directory_.path() + "/" + name};
  }

  void Connect() {
    client_ = Dial(proxy_->address());
    ASSERT_TRUE(client_.valid());
    server_ = Accept(listener_);
    ASSERT_TRUE(server_.valid());
  }

  const TempDirectory directory_;
  Address server_address_;
  OwnedFd listener_;
  std::unique_ptr<DelayProxy> proxy_;
  OwnedFd client_;
  OwnedFd server_;
};

TEST_P(DelayProxyTest, DelaysEitherDirection) {
  Connect();
  for (int i = 0; i < 3; ++i) {
    const auto start = steady_clock::now();
    Write(client_, "there");
    EXPECT_EQ(Read(server_, 5), "there");
    EXPECT_GE(steady_clock::now() - start, kDelay);
    Write(server_, "back");
    EXPECT_EQ(Read(client_, 4), "back");
    EXPECT_GE(steady_clock::now() - start, 2 * kDelay);
  }
}

TEST_P(DelayProxyTest, CarriesMoreThanSocketsHold) {
  Connect();
  const std::string there = ManyBytes(4 << 20, 1);
  const std::string back = ManyBytes(3 << 20, 2);
  std::thread client([&] { Write(client_, there); });
  std::thread server([&] { Write(server_, back); });
  EXPECT_TRUE(Read(server_, there.size()) == there);
  EXPECT_TRUE(Read(client_, back.size()) == back);
  client.join();
  server.join();
}

TEST_P(DelayProxyTest, PassesOnTheEndOfEitherDirection) {
  Connect();
  Write(client_, "last words");
  shutdown(client_.get(), SHUT_WR);
  EXPECT_EQ(Read(server_, 100), "last words");
  Write(server_, "still heard");
  EXPECT_EQ(Read(client_, 11), "still heard");
  server_ = OwnedFd();
  EXPECT_EQ(Read(client_, 1), "");
}

TEST_P(DelayProxyTest, HangsUpWhereNobodyListens) {
  listener_ = OwnedFd();
  client_ = Dial(proxy_->address());
  ASSERT_TRUE(client_.valid());
  EXPECT_EQ(Read(client_, 1), "");
}

TEST_P(DelayProxyTest, LeavesNothingBehind) {
  Connect();
  const Address address = proxy_->address();
  proxy_.reset();
  EXPECT_EQ(Read(client_, 1), "");
  EXPECT_EQ(Read(server_, 1), "");
  proxy_ = std::make_unique<DelayProxy>(address, server_address_, kDelay);
  Connect();
}

INSTANTIATE_TEST_SUITE_P(Sockets, DelayProxyTest, ::testing::Bool(),
                         [](const auto& test) { return std::string(test.param ? "Tcp" : "Unix"); });

}  // namespace
}  // namespace chimera::testing
