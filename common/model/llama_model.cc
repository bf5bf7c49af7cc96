#include "common/model/llama_model.h"

#include <filesystem>
#include <optional>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/mapped_file.h"
#include "common/base/status_macros.h"
#include "common/model/fingerprint_cache.h"
#include "common/model/gguf_file.h"
#include "common/model/llama_gguf.h"
#include "common/model/printable.h"
#include "common/model/vocabulary_gguf.h"

namespace chimera {
namespace {

// Hashes the weights only if the hash is not kept beside the file. That it cannot be kept there (a
// read-only mount) costs time at the next start and nothing else, so it is no error.
std::string CachedWeightsFingerprint(const std::string& path, const FileStamp& stamp,
                                     const GgufFile& gguf) {
  std::optional<std::string> cached = LoadCachedWeightsFingerprint(path, stamp);
  if (cached.has_value()) return *std::move(cached);
  std::string weights = WeightsFingerprint(gguf.tensors);
  StoreCachedWeightsFingerprint(path, stamp, weights).IgnoreError();
  return weights;
}

absl::StatusOr<std::string> ReadName(const GgufMetadata& metadata, const std::string& path) {
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<absl::string_view> name,
                           metadata.String("general.name"));
  if (name.has_value() && !name->empty()) return Printable(*name);
  return Printable(std::filesystem::path(path).stem().string());
}

absl::Status WithPath(const absl::Status& status, const std::string& path) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace

LlamaModel::LlamaModel() = default;
LlamaModel::~LlamaModel() = default;

absl::StatusOr<std::unique_ptr<LlamaModel>> LlamaModel::Open(const std::string& path) {
  CHIMERA_ASSIGN_OR_RETURN(std::unique_ptr<MappedFile> file, MappedFile::Open(path));
  auto model = absl::WrapUnique(new LlamaModel());
  model->file_ = std::move(file);
  const absl::Status status = model->Read(path);
  if (!status.ok()) return WithPath(status, path);
  return model;
}

absl::Status LlamaModel::Read(const std::string& path) {
  CHIMERA_ASSIGN_OR_RETURN(const GgufFile gguf, ReadGgufFile(file_->bytes()));
  CHIMERA_ASSIGN_OR_RETURN(config_, ReadLlamaConfig(gguf));
  CHIMERA_ASSIGN_OR_RETURN(weights_, ReadLlamaWeights(gguf, config_));
  CHIMERA_ASSIGN_OR_RETURN(vocabulary_, ReadVocabulary(gguf.metadata, config_.vocab_size));
  CHIMERA_ASSIGN_OR_RETURN(name_, ReadName(gguf.metadata, path));
  fingerprint_.identity = IdentityFingerprint(config_, vocabulary_);
  fingerprint_.weights = CachedWeightsFingerprint(path, file_->stamp(), gguf);
  // Hashing may have read all weights, which a drafter never needs.
  ReleaseMemory();
  return absl::OkStatus();
}

void LlamaModel::ReleaseMemory() const { file_->ReleaseMemory(); }

}  // namespace chimera
