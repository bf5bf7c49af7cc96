#include "common/model/gguf_tensor_table.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/checked_math.h"
#include "common/base/status_macros.h"

namespace chimera {
namespace {

struct GgmlType {
  uint32_t number;
  absl::string_view name;
  std::optional<DataType> type;
};

// Tensor types of GGUF files. Those without a DataType are here for the sake of the error message.
constexpr GgmlType kGgmlTypes[] = {
    {0, "F32", DataType::kF32},   {1, "F16", DataType::kF16},    {2, "Q4_0", DataType::kQ4_0},
    {3, "Q4_1", DataType::kQ4_1}, {6, "Q5_0", std::nullopt},     {7, "Q5_1", std::nullopt},
    {8, "Q8_0", DataType::kQ8_0}, {9, "Q8_1", std::nullopt},     {10, "Q2_K", std::nullopt},
    {11, "Q3_K", std::nullopt},   {12, "Q4_K", std::nullopt},    {13, "Q5_K", std::nullopt},
    {14, "Q6_K", std::nullopt},   {15, "Q8_K", std::nullopt},    {20, "IQ4_NL", std::nullopt},
    {23, "IQ4_XS", std::nullopt}, {30, "BF16", DataType::kBf16}, {39, "MXFP4", std::nullopt},
};

absl::StatusOr<DataType> ReadTensorType(absl::string_view name, ByteReader* reader) {
  CHIMERA_ASSIGN_OR_RETURN(const uint32_t number, reader->Read<uint32_t>(name));
  const auto* known = std::find_if(std::begin(kGgmlTypes), std::end(kGgmlTypes),
                                   [number](const GgmlType& t) { return t.number == number; });
  if (known != std::end(kGgmlTypes) && known->type.has_value()) return *known->type;
  std::string message = absl::StrCat("tensor ", name, " has type ", number);
  if (known != std::end(kGgmlTypes)) absl::StrAppend(&message, " (", known->name, ")");
  absl::string_view separator = "; supported: ";
  for (const GgmlType& type : kGgmlTypes) {
    if (!type.type.has_value()) continue;
    absl::StrAppend(&message, separator, type.name);
    separator = ", ";
  }
  return absl::UnimplementedError(message);
}

absl::StatusOr<absl::string_view> ReadTensorName(uint64_t index, ByteReader* reader) {
  CHIMERA_ASSIGN_OR_RETURN(const absl::string_view name,
                           reader->ReadString(absl::StrCat("name of tensor ", index)));
  const bool printable = std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c));
  });
  if (name.empty() || name.size() > kMaxGgufTensorNameBytes || !printable) {
    return absl::InvalidArgumentError(absl::StrCat("name of tensor ", index, " must be 1 to ",
                                                   kMaxGgufTensorNameBytes,
                                                   " printable ASCII characters"));
  }
  return name;
}

absl::Status ReadDimensions(ByteReader* reader, GgufTensorInfo* info) {
  constexpr uint64_t kLimit = std::numeric_limits<int64_t>::max();
  CHIMERA_ASSIGN_OR_RETURN(const uint32_t count, reader->Read<uint32_t>(info->name));
  if (count < 1 || count > 2) {
    return absl::UnimplementedError(
        absl::StrCat("tensor ", info->name, " has ", count, " dimensions; supported: 1 or 2"));
  }
  std::array<uint64_t, 2> dimensions = {1, 1};
  for (uint32_t i = 0; i < count; ++i) {
    CHIMERA_ASSIGN_OR_RETURN(dimensions[i], reader->Read<uint64_t>(info->name));
    if (dimensions[i] < 1 || dimensions[i] > kLimit) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor ", info->name, " has dimension ", dimensions[i], ", must be from 1 to 2^63 - 1"));
    }
  }
  info->columns = static_cast<int64_t>(dimensions[0]);
  info->rows = static_cast<int64_t>(dimensions[1]);
  return absl::OkStatus();
}

// Sets `info->size`. The dimensions are positive and the type is set.
absl::Status ComputeSize(GgufTensorInfo* info) {
  const int64_t block_elements = BlockElements(info->type);
  if (info->columns % block_elements != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tensor ", info->name, " has ", info->columns, " columns, must be a multiple of ",
        block_elements, " for type ", DataTypeName(info->type)));
  }
  std::optional<uint64_t> size =
      CheckedMultiply(info->columns / block_elements, BlockBytes(info->type));
  if (size.has_value()) size = CheckedMultiply(*size, info->rows);
  if (!size.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("tensor ", info->name, " of ", info->rows, " x ",
                                                   info->columns, " elements has no size in bytes",
                                                   " below 2^64"));
  }
  info->size = *size;
  return absl::OkStatus();
}

absl::StatusOr<GgufTensorInfo> ReadTensorInfo(uint64_t index, ByteReader* reader) {
  GgufTensorInfo info;
  CHIMERA_ASSIGN_OR_RETURN(info.name, ReadTensorName(index, reader));
  CHIMERA_RETURN_IF_ERROR(ReadDimensions(reader, &info));
  CHIMERA_ASSIGN_OR_RETURN(info.type, ReadTensorType(info.name, reader));
  CHIMERA_RETURN_IF_ERROR(ComputeSize(&info));
  CHIMERA_ASSIGN_OR_RETURN(info.offset, reader->Read<uint64_t>(info.name));
  return info;
}

absl::Status CheckNoOverlap(std::vector<GgufTensorInfo> table) {
  std::sort(table.begin(), table.end(),
            [](const GgufTensorInfo& a, const GgufTensorInfo& b) { return a.offset < b.offset; });
  for (size_t i = 1; i < table.size(); ++i) {
    if (table[i - 1].offset + table[i - 1].size > table[i].offset) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensors ", table[i - 1].name, " and ", table[i].name, " overlap"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<GgufTensorInfo>> ReadGgufTensorTable(uint64_t count,
                                                                ByteReader* reader) {
  if (count > kMaxGgufTensors) {
    return absl::InvalidArgumentError(
        absl::StrCat("the file has ", count, " tensors, must be at most ", kMaxGgufTensors));
  }
  std::vector<GgufTensorInfo> table;
  for (uint64_t i = 0; i < count; ++i) {
    CHIMERA_ASSIGN_OR_RETURN(const GgufTensorInfo info, ReadTensorInfo(i, reader));
    table.push_back(info);
  }
  return table;
}

absl::StatusOr<std::map<absl::string_view, TensorView>> LocateGgufTensors(
    const std::vector<GgufTensorInfo>& table, std::span<const std::byte> data, uint64_t alignment) {
  std::map<absl::string_view, TensorView> tensors;
  for (const GgufTensorInfo& info : table) {
    if (info.offset % alignment != 0) {
      return absl::InvalidArgumentError(absl::StrCat("tensor ", info.name, " has offset ",
                                                     info.offset, ", must be a multiple of ",
                                                     alignment));
    }
    const std::optional<uint64_t> end = CheckedAdd(info.offset, info.size);
    if (!end.has_value() || *end > data.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", info.name, " of ", info.size, " bytes at offset ", info.offset,
                       " leaves the file, which has ", data.size(), " bytes of tensor data"));
    }
    const TensorView view{.type = info.type,
                          .rows = info.rows,
                          .columns = info.columns,
                          .bytes = data.subspan(info.offset, info.size)};
    if (!tensors.emplace(info.name, view).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("the file has the tensor ", info.name, " twice"));
    }
  }
  CHIMERA_RETURN_IF_ERROR(CheckNoOverlap(table));
  return tensors;
}

}  // namespace chimera
