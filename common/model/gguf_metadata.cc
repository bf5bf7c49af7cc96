#include "common/model/gguf_metadata.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/checked_math.h"
#include "common/base/status_macros.h"

namespace chimera {
namespace {

constexpr absl::string_view kTypeNames[] = {"uint8",  "int8",    "uint16", "int16",  "uint32",
                                            "int32",  "float32", "bool",   "string", "array",
                                            "uint64", "int64",   "float64"};

// Bytes of one element; for strings of their length, the least that one takes.
uint64_t MinimumBytes(GgufType type) {
  constexpr uint64_t kBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 0, 8, 8, 8};
  return kBytes[static_cast<uint32_t>(type)];
}

absl::StatusOr<GgufType> ReadType(absl::string_view key, ByteReader* reader) {
  CHIMERA_ASSIGN_OR_RETURN(const uint32_t type, reader->Read<uint32_t>(key));
  if (type >= std::size(kTypeNames)) {
    return absl::InvalidArgumentError(absl::StrCat("key ", key, " has value type ", type,
                                                   ", must be below ", std::size(kTypeNames)));
  }
  return static_cast<GgufType>(type);
}

// Reads the elements of a value whose type and count are set.
absl::Status ReadPayload(absl::string_view key, ByteReader* reader, GgufValue* value) {
  const std::optional<uint64_t> least = CheckedMultiply(value->count, MinimumBytes(value->type));
  if (!least.has_value() || *least > reader->remaining()) {
    return absl::InvalidArgumentError(absl::StrCat("key ", key, " has ", value->count,
                                                   " elements, more than the rest of the file (",
                                                   reader->remaining(), " bytes) can hold"));
  }
  ByteReader start = *reader;
  if (value->type == GgufType::kString) {
    for (uint64_t i = 0; i < value->count; ++i) {
      CHIMERA_RETURN_IF_ERROR(reader->ReadString(key).status());
    }
  } else {
    CHIMERA_RETURN_IF_ERROR(reader->ReadBytes(*least, key).status());
  }
  CHIMERA_ASSIGN_OR_RETURN(value->payload, start.ReadBytes(reader->offset() - start.offset(), key));
  return absl::OkStatus();
}

absl::StatusOr<GgufValue> ReadValue(absl::string_view key, ByteReader* reader) {
  GgufValue value;
  CHIMERA_ASSIGN_OR_RETURN(value.type, ReadType(key, reader));
  if (value.type == GgufType::kArray) {
    value.is_array = true;
    CHIMERA_ASSIGN_OR_RETURN(value.type, ReadType(key, reader));
    if (value.type == GgufType::kArray) {
      return absl::UnimplementedError(
          absl::StrCat("key ", key, " is an array of arrays; supported: arrays of plain values"));
    }
    CHIMERA_ASSIGN_OR_RETURN(value.count, reader->Read<uint64_t>(key));
  }
  CHIMERA_RETURN_IF_ERROR(ReadPayload(key, reader, &value));
  return value;
}

absl::Status WrongKind(absl::string_view key, const GgufValue& value, absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("key ", key, " is ", value.is_array ? "an array of " : "a ",
                   kTypeNames[static_cast<uint32_t>(value.type)], ", must be ", expected));
}

template <typename T>
T Load(std::span<const std::byte> bytes, uint64_t index = 0) {
  T value;
  std::memcpy(&value, &bytes[index * sizeof(T)], sizeof(T));
  return value;
}

// The value of any integer type, or nothing where it is not an integer or does not fit.
std::optional<int64_t> LoadInteger(const GgufValue& value) {
  switch (value.type) {
    case GgufType::kUint8:
      return Load<uint8_t>(value.payload);
    case GgufType::kInt8:
      return Load<int8_t>(value.payload);
    case GgufType::kUint16:
      return Load<uint16_t>(value.payload);
    case GgufType::kInt16:
      return Load<int16_t>(value.payload);
    case GgufType::kUint32:
      return Load<uint32_t>(value.payload);
    case GgufType::kInt32:
      return Load<int32_t>(value.payload);
    case GgufType::kInt64:
      return Load<int64_t>(value.payload);
    case GgufType::kUint64: {
      const uint64_t number = Load<uint64_t>(value.payload);
      if (number > uint64_t{std::numeric_limits<int64_t>::max()}) return std::nullopt;
      return static_cast<int64_t>(number);
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

absl::StatusOr<GgufMetadata> GgufMetadata::Read(uint64_t count, ByteReader* reader) {
  if (count > kMaxKeys) {
    return absl::InvalidArgumentError(
        absl::StrCat("the file has ", count, " metadata keys, must be at most ", kMaxKeys));
  }
  GgufMetadata metadata;
  for (uint64_t i = 0; i < count; ++i) {
    CHIMERA_ASSIGN_OR_RETURN(const absl::string_view key,
                             reader->ReadString(absl::StrCat("metadata key ", i)));
    if (key.empty() || key.size() > kMaxKeyBytes ||
        !std::all_of(key.begin(), key.end(),
                     [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); })) {
      return absl::InvalidArgumentError(absl::StrCat("metadata key ", i, " must be 1 to ",
                                                     kMaxKeyBytes, " printable ASCII characters"));
    }
    CHIMERA_ASSIGN_OR_RETURN(const GgufValue value, ReadValue(key, reader));
    if (!metadata.values_.emplace(key, value).second) {
      return absl::InvalidArgumentError(absl::StrCat("the file has the key ", key, " twice"));
    }
  }
  return metadata;
}

const GgufValue* GgufMetadata::Find(absl::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

absl::StatusOr<std::optional<int64_t>> GgufMetadata::Integer(absl::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  const std::optional<int64_t> number = value->is_array ? std::nullopt : LoadInteger(*value);
  if (!number.has_value()) return WrongKind(key, *value, "an integer below 2^63");
  return number;
}

absl::StatusOr<std::optional<float>> GgufMetadata::Float(absl::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_array || value->type != GgufType::kFloat32) {
    return WrongKind(key, *value, "a float32");
  }
  return Load<float>(value->payload);
}

absl::StatusOr<std::optional<bool>> GgufMetadata::Bool(absl::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_array || value->type != GgufType::kBool || Load<uint8_t>(value->payload) > 1) {
    return WrongKind(key, *value, "a bool of 0 or 1");
  }
  return Load<uint8_t>(value->payload) == 1;
}

absl::StatusOr<std::optional<absl::string_view>> GgufMetadata::String(absl::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_array || value->type != GgufType::kString) {
    return WrongKind(key, *value, "a string");
  }
  return ByteReader(value->payload).ReadString(key);
}

absl::StatusOr<std::optional<std::vector<absl::string_view>>> GgufMetadata::StringArray(
    absl::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array || value->type != GgufType::kString) {
    return WrongKind(key, *value, "an array of string");
  }
  std::vector<absl::string_view> strings;
  strings.reserve(value->count);
  ByteReader reader(value->payload);
  for (uint64_t i = 0; i < value->count; ++i) {
    CHIMERA_ASSIGN_OR_RETURN(const absl::string_view text, reader.ReadString(key));
    strings.push_back(text);
  }
  return strings;
}

absl::StatusOr<std::optional<std::vector<int32_t>>> GgufMetadata::Int32Array(
    absl::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array || value->type != GgufType::kInt32) {
    return WrongKind(key, *value, "an array of int32");
  }
  std::vector<int32_t> numbers(value->count);
  for (uint64_t i = 0; i < value->count; ++i) numbers[i] = Load<int32_t>(value->payload, i);
  return numbers;
}

}  // namespace chimera
