// A LLaMA model opened from its file: configuration, weights, vocabulary, fingerprint.

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

// Owns the memory map that `weights` points into. Immutable after Open; any thread may read.
class LlamaModel {
 public:
  // Maps and checks the GGUF file at `path`. Errors: NOT_FOUND or PERMISSION_DENIED as the system
  // says; INVALID_ARGUMENT where the file contradicts itself or its size; NOT_FOUND, naming it, for
  // a missing tensor; UNIMPLEMENTED, naming it and listing what is supported, for an architecture,
  // tensor type or tokenizer that Chimera does not know. The hash of the weights is kept beside the
  // file in `path`.fingerprint where that can be written; without it, Open reads the whole file.
  static absl::StatusOr<std::unique_ptr<LlamaModel>> Open(const std::string& path);

  ~LlamaModel();

  // general.name, or else the file's name without its extension; as Printable shows it.
  const std::string& name() const { return name_; }
  const LlamaConfig& config() const { return config_; }
  const LlamaWeights& weights() const { return weights_; }
  const Vocabulary& vocabulary() const { return vocabulary_; }
  const Fingerprint& fingerprint() const { return fingerprint_; }

  // Takes the weights out of the process's memory, for who has copied what it needs of them. They
  // stay valid: reading them again brings them back from the file.
  void ReleaseMemory() const;

 private:
  LlamaModel();

  // Fills everything from `file_`, which was mapped from `path`.
  absl::Status Read(const std::string& path);

  std::unique_ptr<MappedFile> file_;
  std::string name_;
  LlamaConfig config_;
  LlamaWeights weights_;
  Vocabulary vocabulary_;
  Fingerprint fingerprint_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_LLAMA_MODEL_H_
