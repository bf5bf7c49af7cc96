#include "tests/common/model/memory_model.h"

#include "common/base/status_macros.h"
#include "common/model/llama_gguf.h"
#include "common/model/vocabulary_gguf.h"

namespace chimera::testing {

std::vector<std::byte> FileBytes(absl::string_view content) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(content));
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

absl::StatusOr<MemoryModel> ReadMemoryModel(std::span<const std::byte> bytes) {
  MemoryModel model;
  CHIMERA_ASSIGN_OR_RETURN(model.file, ReadGgufFile(bytes));
  CHIMERA_ASSIGN_OR_RETURN(model.config, ReadLlamaConfig(model.file));
  CHIMERA_ASSIGN_OR_RETURN(model.weights, ReadLlamaWeights(model.file, model.config));
  CHIMERA_ASSIGN_OR_RETURN(model.vocabulary,
                           ReadVocabulary(model.file.metadata, model.config.vocab_size));
  return model;
}

absl::Status ReadStatus(const GgufWriter& writer) {
  const std::vector<std::byte> bytes = FileBytes(writer.Serialize());
  return ReadMemoryModel(bytes).status();
}

Fingerprint FingerprintOf(const MemoryModel& model) {
  return {.identity = IdentityFingerprint(model.config, model.vocabulary),
          .weights = WeightsFingerprint(model.file.tensors)};
}

}  // namespace chimera::testing
