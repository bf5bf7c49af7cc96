#include "common/model/gguf_file.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/model/byte_reader.h"
#include "common/model/gguf_tensor_table.h"

namespace chimera {
namespace {

constexpr absl::string_view kAlignmentKey = "general.alignment";
constexpr int64_t kDefaultAlignment = 32;
constexpr int64_t kMinAlignment = 8;  // the specification's; also that of every tensor element
constexpr int64_t kMaxAlignment = 4096;

absl::Status ReadMagicAndVersion(ByteReader* reader) {
  CHIMERA_ASSIGN_OR_RETURN(const std::span<const std::byte> magic, reader->ReadBytes(4, "magic"));
  const absl::string_view text(reinterpret_cast<const char*>(magic.data()), magic.size());
  if (text != "GGUF") {
    return absl::InvalidArgumentError("not a GGUF file: it does not start with \"GGUF\"");
  }
  CHIMERA_ASSIGN_OR_RETURN(const uint32_t version, reader->Read<uint32_t>("version"));
  if (version != 2 && version != 3) {
    return absl::UnimplementedError(
        absl::StrCat("GGUF version ", version, "; supported: versions 2 and 3, little-endian"));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> ReadAlignment(const GgufMetadata& metadata) {
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<int64_t> stored, metadata.Integer(kAlignmentKey));
  const int64_t alignment = stored.value_or(kDefaultAlignment);
  if (alignment < kMinAlignment || alignment > kMaxAlignment ||
      !std::has_single_bit<uint64_t>(alignment)) {
    return absl::InvalidArgumentError(absl::StrCat("key ", kAlignmentKey, " is ", alignment,
                                                   ", must be a power of two from ", kMinAlignment,
                                                   " to ", kMaxAlignment));
  }
  return static_cast<uint64_t>(alignment);
}

}  // namespace

absl::StatusOr<GgufFile> ReadGgufFile(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  CHIMERA_RETURN_IF_ERROR(ReadMagicAndVersion(&reader));
  CHIMERA_ASSIGN_OR_RETURN(const uint64_t tensor_count, reader.Read<uint64_t>("tensor count"));
  CHIMERA_ASSIGN_OR_RETURN(const uint64_t key_count, reader.Read<uint64_t>("metadata key count"));

  GgufFile file;
  CHIMERA_ASSIGN_OR_RETURN(file.metadata, GgufMetadata::Read(key_count, &reader));
  CHIMERA_ASSIGN_OR_RETURN(const uint64_t alignment, ReadAlignment(file.metadata));
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<GgufTensorInfo> table,
                           ReadGgufTensorTable(tensor_count, &reader));
  const uint64_t padding = (alignment - reader.offset() % alignment) % alignment;
  const std::span<const std::byte> data =
      bytes.subspan(reader.offset() + std::min(padding, reader.remaining()));
  CHIMERA_ASSIGN_OR_RETURN(file.tensors, LocateGgufTensors(table, data, alignment));
  return file;
}

}  // namespace chimera
