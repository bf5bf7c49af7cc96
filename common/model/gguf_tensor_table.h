// The list of tensors in a GGUF file, and where their data lies.

#ifndef CHIMERA_COMMON_MODEL_GGUF_TENSOR_TABLE_H_
#define CHIMERA_COMMON_MODEL_GGUF_TENSOR_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/model/byte_reader.h"
#include "common/model/tensor_view.h"

namespace chimera {

// What the table says about a tensor. GGUF's first dimension is `columns`; a vector has one row.
struct GgufTensorInfo {
  absl::string_view name;
  DataType type = DataType::kF32;
  int64_t rows = 0;
  int64_t columns = 0;  // a multiple of the type's block size
  uint64_t offset = 0;  // bytes from the start of the tensor data
  uint64_t size = 0;    // bytes
};

inline constexpr uint64_t kMaxGgufTensors = 65536;
inline constexpr uint64_t kMaxGgufTensorNameBytes = 64;  // GGUF specification

// Reads `count` entries, in the file's order. INVALID_ARGUMENT where an entry is impossible or its
// size overflows; UNIMPLEMENTED, naming the tensor and listing what is supported, for a tensor type
// or number of dimensions that Chimera does not know.
absl::StatusOr<std::vector<GgufTensorInfo>> ReadGgufTensorTable(uint64_t count, ByteReader* reader);

// Views of the tensors in `data`, the file from the first byte of tensor data to its end, by name.
// INVALID_ARGUMENT, naming the tensor, where one is not aligned to `alignment` bytes, leaves the
// data, overlaps another or has its name.
absl::StatusOr<std::map<absl::string_view, TensorView>> LocateGgufTensors(
    const std::vector<GgufTensorInfo>& table, std::span<const std::byte> data, uint64_t alignment);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_GGUF_TENSOR_TABLE_H_
