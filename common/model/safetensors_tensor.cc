#include "common/model/safetensors_tensor.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/check.h"
#include "common/base/checked_math.h"
#include "common/model/printable.h"

namespace chimera {
namespace {

struct TypeInfo {
  SafetensorsType type;
  absl::string_view name;
  int64_t bytes;
};

constexpr TypeInfo kTypes[] = {
    {SafetensorsType::kBool, "BOOL", 1}, {SafetensorsType::kU8, "U8", 1},
    {SafetensorsType::kI8, "I8", 1},     {SafetensorsType::kU16, "U16", 2},
    {SafetensorsType::kI16, "I16", 2},   {SafetensorsType::kF16, "F16", 2},
    {SafetensorsType::kBf16, "BF16", 2}, {SafetensorsType::kI32, "I32", 4},
    {SafetensorsType::kF32, "F32", 4},   {SafetensorsType::kI64, "I64", 8},
    {SafetensorsType::kF64, "F64", 8},
};

const TypeInfo& InfoOf(SafetensorsType type) {
  const auto* info = std::find_if(std::begin(kTypes), std::end(kTypes),
                                  [type](const TypeInfo& t) { return t.type == type; });
  CHIMERA_CHECK(info != std::end(kTypes));
  return *info;
}

// Nothing where a product on the way does not fit, even if a later dimension is 0: the reference
// implementation refuses that as well. No dimension is negative.
std::optional<uint64_t> ByteCount(const SafetensorsTensor& tensor) {
  std::optional<uint64_t> count = 1;
  for (const int64_t dimension : tensor.shape) {
    count = CheckedMultiply(*count, dimension);
    if (!count.has_value()) return std::nullopt;
  }
  return CheckedMultiply(*count, SafetensorsTypeBytes(tensor.type));
}

}  // namespace

int64_t SafetensorsTypeBytes(SafetensorsType type) { return InfoOf(type).bytes; }

absl::string_view SafetensorsTypeName(SafetensorsType type) { return InfoOf(type).name; }

absl::StatusOr<SafetensorsType> ParseSafetensorsType(absl::string_view name) {
  const auto* info = std::find_if(std::begin(kTypes), std::end(kTypes),
                                  [name](const TypeInfo& t) { return t.name == name; });
  if (info != std::end(kTypes)) return info->type;
  const auto append_name = [](std::string* out, const TypeInfo& t) {
    absl::StrAppend(out, t.name);
  };
  return absl::UnimplementedError(absl::StrCat(
      "type ", Printable(name), "; supported: ", absl::StrJoin(kTypes, ", ", append_name)));
}

std::optional<DataType> FloatDataType(SafetensorsType type) {
  switch (type) {
    case SafetensorsType::kF32:
      return DataType::kF32;
    case SafetensorsType::kF16:
      return DataType::kF16;
    case SafetensorsType::kBf16:
      return DataType::kBf16;
    default:
      return std::nullopt;
  }
}

absl::Status CheckSafetensorsTensor(absl::string_view name, const SafetensorsTensor& tensor) {
  if (tensor.shape.size() > kMaxSafetensorsDimensions) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor ", Printable(name), " has ", tensor.shape.size(),
                     " dimensions, must have at most ", kMaxSafetensorsDimensions));
  }
  for (const int64_t dimension : tensor.shape) {
    if (dimension < 0) {
      return absl::InvalidArgumentError(absl::StrCat("tensor ", Printable(name), " has dimension ",
                                                     dimension, ", must be from 0 to 2^63 - 1"));
    }
  }
  const std::optional<uint64_t> size = ByteCount(tensor);
  if (size == tensor.bytes.size()) return absl::OkStatus();
  const std::string what =
      absl::StrCat("tensor ", Printable(name), " of type ", SafetensorsTypeName(tensor.type),
                   " and shape [", absl::StrJoin(tensor.shape, ", "), "]");
  if (!size.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(what, " has no size in bytes below 2^64"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(what, " has ", tensor.bytes.size(), " bytes, must have ", *size));
}

}  // namespace chimera
