// Reads model files that lie in memory, as LlamaModel::Open reads those on disk.

#ifndef CHIMERA_TESTS_COMMON_MODEL_MEMORY_MODEL_H_
#define CHIMERA_TESTS_COMMON_MODEL_MEMORY_MODEL_H_

#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/model/fingerprint.h"
#include "common/model/gguf_file.h"
#include "common/model/llama_config.h"
#include "common/model/llama_weights.h"
#include "common/model/vocabulary.h"
#include "tests/testing/gguf_writer.h"

namespace chimera::testing {

// A copy in a buffer of just its size, so that AddressSanitizer sees every access beyond it.
std::vector<std::byte> FileBytes(absl::string_view content);

// What a file holds, as views into its bytes.
struct MemoryModel {
  GgufFile file;
  LlamaConfig config;
  LlamaWeights weights;
  Vocabulary vocabulary;
};

// `bytes` must outlive the result.
absl::StatusOr<MemoryModel> ReadMemoryModel(std::span<const std::byte> bytes);

// Why the file that `writer` describes cannot be read, or OK.
absl::Status ReadStatus(const GgufWriter& writer);

Fingerprint FingerprintOf(const MemoryModel& model);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_MODEL_MEMORY_MODEL_H_
