#include "common/rpc/unix_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_directory.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::HasSubstr;

// A socket bound to `path`, listening.
int ListenAt(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(listen(fd, 1), 0);
  return fd;
}

class UnixSocketTest : public ::testing::Test {
 protected:
  const testing::TempDirectory directory_;
  const std::string path_ = directory_.path() + "/x.sock";
};

TEST_F(UnixSocketTest, LeavesAFreePathAlone) { CHIMERA_EXPECT_OK(PrepareUnixSocketPath(path_)); }

TEST_F(UnixSocketTest, RemovesTheSocketOfADeadServer) {
  close(ListenAt(path_));
  ASSERT_TRUE(std::filesystem::exists(path_));
  CHIMERA_EXPECT_OK(PrepareUnixSocketPath(path_));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixSocketTest, KeepsTheSocketOfALivingServer) {
  const int fd = ListenAt(path_);
  EXPECT_THAT(PrepareUnixSocketPath(path_),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr(path_)));
  EXPECT_TRUE(std::filesystem::exists(path_));
  close(fd);
}

TEST_F(UnixSocketTest, KeepsFilesThatAreNoSockets) {
  std::ofstream(path_) << "precious";
  EXPECT_THAT(PrepareUnixSocketPath(path_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not a socket")));
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(UnixSocketTest, NamesTheMissingDirectory) {
  EXPECT_THAT(PrepareUnixSocketPath(directory_.path() + "/none/x.sock"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/none/")));
}

}  // namespace
}  // namespace chimera
