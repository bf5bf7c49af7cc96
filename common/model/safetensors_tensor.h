// Tensors of safetensors files, the format of Hugging Face for weights and other arrays.
// Source: https://github.com/huggingface/safetensors#format

#ifndef CHIMERA_COMMON_MODEL_SAFETENSORS_TENSOR_H_
#define CHIMERA_COMMON_MODEL_SAFETENSORS_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/model/data_type.h"

namespace chimera {

// Element types, little-endian. A kBool is one byte.
enum class SafetensorsType { kBool, kU8, kI8, kU16, kI16, kF16, kBf16, kI32, kF32, kI64, kF64 };

// Bytes of one element.
int64_t SafetensorsTypeBytes(SafetensorsType type);

// The name in files: "F32", "BF16", ...
absl::string_view SafetensorsTypeName(SafetensorsType type);

// The type of that name. UNIMPLEMENTED, listing what is supported, if there is none.
absl::StatusOr<SafetensorsType> ParseSafetensorsType(absl::string_view name);

// The data type of the same elements, if it is one that weights can have: F32, F16 or BF16.
std::optional<DataType> FloatDataType(SafetensorsType type);

// A read-only view of a tensor.
struct SafetensorsTensor {
  SafetensorsType type = SafetensorsType::kF32;
  std::vector<int64_t> shape;  // outermost dimension first; empty for a scalar, and any may be 0
  // Row-major, without gaps. They belong to whoever gave them out and start at any address: copy an
  // element to read it.
  std::span<const std::byte> bytes;
};

// The format does not limit these; Chimera does, which bounds the memory that a file can take.
inline constexpr size_t kMaxSafetensorsDimensions = 64;
inline constexpr size_t kMaxSafetensorsTensors = 65536;
inline constexpr size_t kMaxSafetensorsMetadataKeys = 65536;

// Bytes of the JSON before the tensors' data; the limit of the reference implementation.
inline constexpr uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;

// The key of the header that is no tensor.
inline constexpr absl::string_view kSafetensorsMetadataKey = "__metadata__";

// What a file holds.
struct SafetensorsContents {
  std::map<std::string, std::string> metadata;  // UTF-8, like the tensors' names
  std::map<std::string, SafetensorsTensor> tensors;
};

// INVALID_ARGUMENT, naming the tensor, where `tensor` has too many dimensions, a negative one, or a
// number of bytes other than its type and shape say.
absl::Status CheckSafetensorsTensor(absl::string_view name, const SafetensorsTensor& tensor);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_SAFETENSORS_TENSOR_H_
