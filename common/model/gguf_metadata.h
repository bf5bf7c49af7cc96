// The key-value pairs at the start of a GGUF file.

#ifndef CHIMERA_COMMON_MODEL_GGUF_METADATA_H_
#define CHIMERA_COMMON_MODEL_GGUF_METADATA_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/model/byte_reader.h"

namespace chimera {

// Numbers as in the GGUF specification.
enum class GgufType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

// One value as it lies in the file, whose structure has been checked: `payload` holds exactly
// `count` elements of `type`.
struct GgufValue {
  bool is_array = false;
  GgufType type = GgufType::kUint8;  // of the elements
  uint64_t count = 1;
  std::span<const std::byte> payload;
};

// Keys and values as views into the file, which must outlive this. Immutable; any thread may read.
//
// Each getter returns nothing where the file lacks the key, and INVALID_ARGUMENT naming the key
// where its value is of another kind.
class GgufMetadata {
 public:
  // Keys a file may have, and bytes of one key (GGUF specification for the latter).
  static constexpr uint64_t kMaxKeys = 65536;
  static constexpr uint64_t kMaxKeyBytes = 65535;

  // Reads `count` pairs. INVALID_ARGUMENT for what contradicts the file's size, a key twice, a key
  // that is not printable ASCII or an unknown value type; UNIMPLEMENTED for an array of arrays.
  static absl::StatusOr<GgufMetadata> Read(uint64_t count, ByteReader* reader);

  // A value of any integer type that fits.
  absl::StatusOr<std::optional<int64_t>> Integer(absl::string_view key) const;
  absl::StatusOr<std::optional<float>> Float(absl::string_view key) const;
  absl::StatusOr<std::optional<bool>> Bool(absl::string_view key) const;
  absl::StatusOr<std::optional<absl::string_view>> String(absl::string_view key) const;
  absl::StatusOr<std::optional<std::vector<absl::string_view>>> StringArray(
      absl::string_view key) const;
  absl::StatusOr<std::optional<std::vector<int32_t>>> Int32Array(absl::string_view key) const;

  // Every pair, ordered by key.
  const std::map<absl::string_view, GgufValue>& values() const { return values_; }

 private:
  const GgufValue* Find(absl::string_view key) const;

  std::map<absl::string_view, GgufValue> values_;
};

// The value of a getter, or INVALID_ARGUMENT naming the key if the file lacks it.
template <typename T>
absl::StatusOr<T> Required(absl::StatusOr<std::optional<T>> value, absl::string_view key) {
  if (!value.ok()) return std::move(value).status();
  if (!value->has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("the file lacks the key ", key));
  }
  return **std::move(value);
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_GGUF_METADATA_H_
