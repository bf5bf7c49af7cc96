#include "common/base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"

namespace chimera {

absl::StatusOr<std::unique_ptr<MappedFile>> MappedFile::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  const absl::Cleanup close_fd = [fd] { close(fd); };

  struct stat info;
  if (fstat(fd, &info) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot stat ", path));
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is not a regular file"));
  }
  const FileStamp stamp{
      .size = static_cast<uint64_t>(info.st_size),
      // Wraps around for times beyond the year 2262, and still tells most of them apart.
      .modification_time_ns = static_cast<int64_t>(
          static_cast<uint64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec),
      .inode = info.st_ino};

  std::span<const std::byte> bytes;
  if (stamp.size > 0) {  // the system refuses to map nothing
    void* address = mmap(nullptr, stamp.size, PROT_READ, MAP_SHARED, fd, 0);
    if (address == MAP_FAILED) return absl::ErrnoToStatus(errno, absl::StrCat("cannot map ", path));
    bytes = {static_cast<const std::byte*>(address), stamp.size};
  }
  return absl::WrapUnique(new MappedFile(bytes, stamp));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::ReleaseMemory() const {
  // A failure costs memory and nothing else.
  if (!bytes_.empty()) {
    madvise(const_cast<std::byte*>(bytes_.data()), bytes_.size(), MADV_DONTNEED);
  }
}

}  // namespace chimera
