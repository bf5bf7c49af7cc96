#include "common/rpc/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace chimera {
namespace {

absl::Status Errno(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", path));
}

// What connecting to the socket says of its server: 0 if one answers, else errno.
int Connect(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  CHIMERA_CHECK(path.size() < sizeof(address.sun_path)) << path << " is too long";
  std::memcpy(address.sun_path, path.data(), path.size());
  // Without O_NONBLOCK a server whose backlog is full would hold us up.
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  const int result =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
  close(fd);
  return result;
}

}  // namespace

absl::Status PrepareUnixSocketPath(const std::string& path) {
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  if (access(directory.c_str(), F_OK) != 0) return Errno("open the directory", directory);

  struct stat info = {};
  if (lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : Errno("look at", path);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, " exists and is not a socket"));
  }
  // Only a refused connection says that nobody listens any more.
  if (Connect(path) != ECONNREFUSED) {
    return absl::AlreadyExistsError(absl::StrCat("another server listens on ", path));
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return Errno("remove the stale socket", path);
  return absl::OkStatus();
}

}  // namespace chimera
