#include "common/model/llama_model.h"

#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/mapped_file.h"
#include "common/base/status_macros.h"
#include "common/model/fingerprint_cache.h"
#include "common/model/gguf_file.h"
#include "common/model/hugging_face_texts.h"
#include "common/model/llama_gguf.h"
#include "common/model/llama_hugging_face.h"
#include "common/model/printable.h"
#include "common/model/safetensors_shards.h"
#include "common/model/vocabulary_gguf.h"
#include "common/model/vocabulary_hugging_face.h"

namespace chimera {
namespace {

// Hashes the weights only if the hash is not kept beside the file. That it cannot be kept there (a
// read-only mount) costs time at the next start and nothing else, so it is no error.
std::string CachedWeightsFingerprint(const std::string& path, const FileStamp& stamp,
                                     const std::map<absl::string_view, TensorView>& tensors) {
  std::optional<std::string> cached = LoadCachedWeightsFingerprint(path, stamp);
  if (cached.has_value()) return *std::move(cached);
  std::string weights = WeightsFingerprint(tensors);
  StoreCachedWeightsFingerprint(path, stamp, weights).IgnoreError();
  return weights;
}

absl::StatusOr<std::string> ReadName(const GgufMetadata& metadata, const std::string& path) {
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<absl::string_view> name,
                           metadata.String("general.name"));
  if (name.has_value() && !name->empty()) return Printable(*name);
  return Printable(std::filesystem::path(path).stem().string());
}

// Also of "." and of a path that ends in "/".
std::string FolderName(const std::string& path) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::canonical(path, error);
  return Printable((error ? std::filesystem::path(path) : folder).filename().string());
}

absl::Status WithPath(const absl::Status& status, const std::string& path) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace

LlamaModel::LlamaModel() = default;
LlamaModel::~LlamaModel() = default;

absl::StatusOr<std::unique_ptr<LlamaModel>> LlamaModel::Open(const std::string& path) {
  auto model = absl::WrapUnique(new LlamaModel());
  std::error_code ignored;  // whoever opens what is there says what is wrong
  if (std::filesystem::is_directory(path, ignored)) {
    CHIMERA_RETURN_IF_ERROR(model->ReadHuggingFace(path));
  } else {
    CHIMERA_RETURN_IF_ERROR(model->ReadGguf(path));
  }
  // Hashing may have read all weights, which a drafter never needs.
  model->ReleaseMemory();
  return model;
}

absl::Status LlamaModel::ReadGguf(const std::string& path) {
  CHIMERA_ASSIGN_OR_RETURN(file_, MappedFile::Open(path));
  const auto read = [&]() -> absl::Status {
    CHIMERA_ASSIGN_OR_RETURN(const GgufFile gguf, ReadGgufFile(file_->bytes()));
    CHIMERA_ASSIGN_OR_RETURN(config_, ReadLlamaConfig(gguf));
    CHIMERA_ASSIGN_OR_RETURN(weights_, ReadLlamaWeights(gguf, config_));
    CHIMERA_ASSIGN_OR_RETURN(vocabulary_, ReadVocabulary(gguf.metadata, config_.vocab_size));
    CHIMERA_ASSIGN_OR_RETURN(name_, ReadName(gguf.metadata, path));
    fingerprint_.identity = IdentityFingerprint(config_, vocabulary_);
    fingerprint_.weights = CachedWeightsFingerprint(path, file_->stamp(), gguf.tensors);
    return absl::OkStatus();
  };
  return WithPath(read(), path);
}

absl::Status LlamaModel::ReadHuggingFace(const std::string& folder) {
  CHIMERA_ASSIGN_OR_RETURN(const HuggingFaceTexts texts, ReadHuggingFaceTexts(folder));
  CHIMERA_ASSIGN_OR_RETURN(shards_, SafetensorsShards::Open(folder));
  const auto read = [&]() -> absl::Status {
    CHIMERA_ASSIGN_OR_RETURN(config_, ReadHuggingFaceConfig(texts.config));
    CHIMERA_ASSIGN_OR_RETURN(const auto tensors, HuggingFaceTensors(shards_->tensors(), config_));
    CHIMERA_ASSIGN_OR_RETURN(weights_, ReadHuggingFaceWeights(tensors, config_));
    CHIMERA_ASSIGN_OR_RETURN(vocabulary_, ReadHuggingFaceVocabulary(texts, config_.vocab_size));
    name_ = FolderName(folder);
    fingerprint_.identity = IdentityFingerprint(config_, vocabulary_);
    fingerprint_.weights =
        CachedWeightsFingerprint(shards_->main_path(), shards_->stamp(), tensors);
    return absl::OkStatus();
  };
  return WithPath(read(), folder);
}

void LlamaModel::ReleaseMemory() const {
  if (file_ != nullptr) file_->ReleaseMemory();
  if (shards_ != nullptr) shards_->ReleaseMemory();
}

}  // namespace chimera
