// Reads little-endian values from bytes that nobody has checked.

#ifndef CHIMERA_COMMON_MODEL_BYTE_READER_H_
#define CHIMERA_COMMON_MODEL_BYTE_READER_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"

namespace chimera {

static_assert(std::endian::native == std::endian::little, "model files are read as they are");

// A cursor that never leaves its bytes: every read that would returns INVALID_ARGUMENT naming
// `what` and the offset, and moves nothing. Views it returns live as long as the bytes. One thread.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint64_t offset() const { return offset_; }
  uint64_t remaining() const { return bytes_.size() - offset_; }

  absl::StatusOr<std::span<const std::byte>> ReadBytes(uint64_t count, absl::string_view what) {
    if (count > remaining()) {
      return absl::InvalidArgumentError(absl::StrCat(what, " needs ", count, " bytes at offset ",
                                                     offset_, ", the file has ", remaining(),
                                                     " more"));
    }
    const std::span<const std::byte> read = bytes_.subspan(offset_, count);
    offset_ += count;
    return read;
  }

  template <typename T>
  absl::StatusOr<T> Read(absl::string_view what) {
    static_assert(std::is_arithmetic_v<T>);
    CHIMERA_ASSIGN_OR_RETURN(const std::span<const std::byte> read, ReadBytes(sizeof(T), what));
    T value;
    std::memcpy(&value, read.data(), sizeof(T));
    return value;
  }

  // A string as GGUF stores it: its length in bytes as uint64, then the bytes.
  absl::StatusOr<absl::string_view> ReadString(absl::string_view what) {
    CHIMERA_ASSIGN_OR_RETURN(const uint64_t length, Read<uint64_t>(what));
    CHIMERA_ASSIGN_OR_RETURN(const std::span<const std::byte> read, ReadBytes(length, what));
    return absl::string_view(reinterpret_cast<const char*>(read.data()), read.size());
  }

 private:
  std::span<const std::byte> bytes_;
  uint64_t offset_ = 0;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_BYTE_READER_H_
