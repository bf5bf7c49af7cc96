// Reads GGUF, the model file format of llama.cpp, versions 2 and 3.
// Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

#ifndef CHIMERA_COMMON_MODEL_GGUF_FILE_H_
#define CHIMERA_COMMON_MODEL_GGUF_FILE_H_

#include <cstddef>
#include <map>
#include <span>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/model/gguf_metadata.h"
#include "common/model/tensor_view.h"

namespace chimera {

// A file's metadata and tensors, as views into its bytes.
struct GgufFile {
  GgufMetadata metadata;
  std::map<absl::string_view, TensorView> tensors;  // by name
};

// Checks and reads `bytes`, a whole file, which must outlive the result. Nothing in the file is
// trusted: what contradicts its size or itself is INVALID_ARGUMENT, what Chimera does not know
// (version, tensor type) is UNIMPLEMENTED; both name the key or tensor.
absl::StatusOr<GgufFile> ReadGgufFile(std::span<const std::byte> bytes);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_GGUF_FILE_H_
