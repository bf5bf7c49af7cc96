// A LLaMA model opened from its files: configuration, weights, vocabulary, fingerprint.

#ifndef CHIMERA_COMMON_MODEL_LLAMA_MODEL_H_
#define CHIMERA_COMMON_MODEL_LLAMA_MODEL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/model/fingerprint.h"
#include "common/model/llama_config.h"
#include "common/model/llama_weights.h"
#include "common/model/vocabulary.h"

namespace chimera {

class MappedFile;
class SafetensorsShards;

// Owns the memory maps that `weights` points into. Immutable after Open; any thread may read.
class LlamaModel {
 public:
  // Maps and checks the GGUF file, or the Hugging Face folder (config.json, tokenizer.json,
  // safetensors), at `path`. Errors: NOT_FOUND or PERMISSION_DENIED as the system says;
  // INVALID_ARGUMENT where a file contradicts itself, its size or another file; NOT_FOUND, naming
  // it, for a missing tensor; UNIMPLEMENTED, naming it and listing what is supported, for an
  // architecture, tensor type or tokenizer that Chimera does not know. The hash of the weights is
  // kept beside the file with them, or beside the index of several (FingerprintCachePath), where
  // that can be written; without it, Open reads all weights.
  static absl::StatusOr<std::unique_ptr<LlamaModel>> Open(const std::string& path);

  ~LlamaModel();

  // general.name, or else the file's name without its extension, or the folder's name; as Printable
  // shows it.
  const std::string& name() const { return name_; }
  const LlamaConfig& config() const { return config_; }
  const LlamaWeights& weights() const { return weights_; }
  const Vocabulary& vocabulary() const { return vocabulary_; }
  const Fingerprint& fingerprint() const { return fingerprint_; }

  // Takes the weights out of the process's memory, for who has copied what it needs of them. They
  // stay valid: reading them again brings them back from the files.
  void ReleaseMemory() const;

 private:
  LlamaModel();

  // Fill everything from what is at `path`.
  absl::Status ReadGguf(const std::string& path);
  absl::Status ReadHuggingFace(const std::string& folder);

  // What `weights_` points into: one of the two.
  std::unique_ptr<MappedFile> file_;
  std::unique_ptr<SafetensorsShards> shards_;
  std::string name_;
  LlamaConfig config_;
  LlamaWeights weights_;
  Vocabulary vocabulary_;
  Fingerprint fingerprint_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_LLAMA_MODEL_H_
