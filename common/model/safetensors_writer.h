// Writes safetensors files.

#ifndef CHIMERA_COMMON_MODEL_SAFETENSORS_WRITER_H_
#define CHIMERA_COMMON_MODEL_SAFETENSORS_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/model/safetensors_tensor.h"

namespace chimera {

// A tensor to write. The bytes are the caller's.
struct SafetensorsEntry {
  std::string name;  // UTF-8
  SafetensorsType type = SafetensorsType::kF32;
  std::vector<int64_t> shape;        // outermost dimension first; empty for a scalar
  std::span<const std::byte> bytes;  // row-major, little-endian
};

// Writes a file in which the tensor data start at a multiple of 64 bytes and each tensor at a
// multiple of its element size, whatever the order of `entries`. It is written as `path`.tmp and
// renamed once it is on the disk, so `path` is the old or the new file at any time; at most one
// thread or process may write to a path at a time. INVALID_ARGUMENT, naming the tensor or key, for
// what SafetensorsFile would refuse: a name twice, bytes that are not as many as type and shape
// say, text that is not UTF-8, too much of anything. Other errors are as the system says. All name
// the file, and leave what was at `path` as it was and nothing beside it.
absl::Status WriteSafetensors(const std::string& path, std::span<const SafetensorsEntry> entries,
                              const std::map<std::string, std::string>& metadata);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_SAFETENSORS_WRITER_H_
