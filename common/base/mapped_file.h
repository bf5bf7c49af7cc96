// A file mapped into memory for reading.

#ifndef CHIMERA_COMMON_BASE_MAPPED_FILE_H_
#define CHIMERA_COMMON_BASE_MAPPED_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace chimera {

// Tells one state of a file from another, as far as the file system can: a file written again has
// another time or inode.
struct FileStamp {
  uint64_t size = 0;  // bytes
  int64_t modification_time_ns = 0;
  uint64_t inode = 0;

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

// Read-only pages shared with every process that maps the same file. Immutable; any thread may
// read. A file that another process shortens while it is mapped ends this one with SIGBUS: replace
// files by rename.
class MappedFile {
 public:
  // Errors: NOT_FOUND, PERMISSION_DENIED, ... as the system says; INVALID_ARGUMENT if `path` is not
  // a regular file.
  static absl::StatusOr<std::unique_ptr<MappedFile>> Open(const std::string& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

  // Takes what was read so far out of the process's memory. The bytes stay valid: the system brings
  // them back when they are read again, from its cache or from the file.
  void ReleaseMemory() const;

  // The file's state when it was mapped.
  const FileStamp& stamp() const { return stamp_; }

 private:
  MappedFile(std::span<const std::byte> bytes, const FileStamp& stamp)
      : bytes_(bytes), stamp_(stamp) {}

  std::span<const std::byte> bytes_;
  FileStamp stamp_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_BASE_MAPPED_FILE_H_
