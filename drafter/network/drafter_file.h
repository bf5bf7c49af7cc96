// Reads a trained drafter from its safetensors file.

#ifndef CHIMERA_DRAFTER_NETWORK_DRAFTER_FILE_H_
#define CHIMERA_DRAFTER_NETWORK_DRAFTER_FILE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/model/draft_network_config.h"
#include "common/model/draft_weights.h"
#include "common/model/safetensors_file.h"

namespace chimera {

// Owns the memory map that weights() points into. Immutable; any thread may read.
//
// Metadata, all strings: format "chimera-drafter-1", name, target_name, target_identity,
// target_weights, and the numbers of DraftNetworkConfig under their names (tapped_layers with
// commas). A matrix is F32, F16 or BF16 [rows, columns], or U8 [rows, row_bytes]: rows of the GGUF
// blocks that weight_type names, or embedding_weight_type for residual_head.embedding; query, key
// and value of the context encoder are of one type. Norms are F32, draft_vocabulary I32. Other
// tensors, as the target_embedding that chimera-train may add, are not read.
class DrafterFile {
 public:
  // Nothing in the file is trusted. Errors name the file: those of SafetensorsFile::Open; NOT_FOUND
  // for a tensor or a value of the metadata that is missing; INVALID_ARGUMENT for a wrong shape or
  // type, a number out of range and weights that are not finite, naming them.
  static absl::StatusOr<std::unique_ptr<DrafterFile>> Open(const std::string& path);

  const DraftNetworkConfig& config() const { return config_; }
  const DraftWeights& weights() const { return weights_; }

 private:
  explicit DrafterFile(std::unique_ptr<SafetensorsFile> file) : file_(std::move(file)) {}
  absl::Status Read();

  const std::unique_ptr<SafetensorsFile> file_;
  DraftNetworkConfig config_;
  DraftWeights weights_;
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_NETWORK_DRAFTER_FILE_H_
