#include "common/model/fingerprint_cache.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace chimera {
namespace {

constexpr size_t kHashDigits = 64;

// The coarsest clock of a file system in use (FAT's).
constexpr std::chrono::nanoseconds kLongestTick = std::chrono::seconds(2);

std::string LineStart(const FileStamp& stamp) {
  return absl::StrCat("chimera-weights 1 ", stamp.size, " ", stamp.modification_time_ns, " ",
                      stamp.inode, " ");
}

bool IsHash(absl::string_view text) {
  return text.size() == kHashDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Whether another modification now would change the stamp of a file modified at this time.
bool HasSettled(int64_t modification_time_ns) {
  const std::chrono::nanoseconds now = std::chrono::system_clock::now().time_since_epoch();
  return modification_time_ns < (now - kLongestTick).count();
}

absl::Status WriteAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return absl::ErrnoToStatus(errno, "cannot write");
    text.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace

std::string FingerprintCachePath(const std::string& model_path) {
  return absl::StrCat(model_path, ".fingerprint");
}

std::optional<std::string> LoadCachedWeightsFingerprint(const std::string& model_path,
                                                        const FileStamp& stamp) {
  std::ifstream file(FingerprintCachePath(model_path), std::ios::binary);
  char buffer[256];  // longer than any line
  file.read(buffer, sizeof(buffer));
  absl::string_view hash(buffer, static_cast<size_t>(file.gcount()));
  if (!absl::ConsumePrefix(&hash, LineStart(stamp)) || !absl::ConsumeSuffix(&hash, "\n") ||
      !IsHash(hash)) {
    return std::nullopt;
  }
  return std::string(hash);
}

absl::Status StoreCachedWeightsFingerprint(const std::string& model_path, const FileStamp& stamp,
                                           const std::string& weights) {
  if (!HasSettled(stamp.modification_time_ns)) {
    return absl::FailedPreconditionError(absl::StrCat(model_path, " has just been modified"));
  }
  const std::string path = FingerprintCachePath(model_path);
  std::string temporary = absl::StrCat(path, ".XXXXXX");
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot create ", temporary));
  absl::Status status = WriteAll(fd, absl::StrCat(LineStart(stamp), weights, "\n"));
  if (fchmod(fd, 0644) != 0) status.Update(absl::ErrnoToStatus(errno, "cannot set the mode"));
  if (close(fd) != 0) status.Update(absl::ErrnoToStatus(errno, "cannot close"));
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = absl::ErrnoToStatus(errno, absl::StrCat("cannot rename to ", path));
  }
  if (!status.ok()) unlink(temporary.c_str());
  return status;
}

}  // namespace chimera
