// The weights of a Hugging Face folder: one safetensors file, or several that an index lists.

#ifndef CHIMERA_COMMON_MODEL_SAFETENSORS_SHARDS_H_
#define CHIMERA_COMMON_MODEL_SAFETENSORS_SHARDS_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mapped_file.h"
#include "common/model/safetensors_file.h"
#include "common/model/safetensors_tensor.h"

namespace chimera {

// Immutable after Open; any thread may read.
class SafetensorsShards {
 public:
  // Files that an index may list.
  static constexpr size_t kMaxShards = 4096;

  // Opens model.safetensors in `folder`, or else the files that model.safetensors.index.json lists.
  // NOT_FOUND if there is neither, or a listed file is missing; INVALID_ARGUMENT for an index that
  // lists what is no name of a file in the folder, more than kMaxShards of them, or other tensors
  // than the files have; otherwise as SafetensorsFile::Open. Messages name file and tensor.
  static absl::StatusOr<std::unique_ptr<SafetensorsShards>> Open(const std::string& folder);

  // Of all files, by name. Their bytes live as long as the object.
  const std::map<std::string, SafetensorsTensor>& tensors() const { return tensors_; }

  // The file or the index: what stands for all of them, and beside which FingerprintCachePath is.
  const std::string& main_path() const { return main_path_; }

  // Differs where that of any of the files does.
  FileStamp stamp() const;

  // As MappedFile::ReleaseMemory, for all files.
  void ReleaseMemory() const;

 private:
  SafetensorsShards() = default;

  absl::Status AddFile(const std::string& path);
  absl::Status OpenListed(const std::string& folder);

  std::string main_path_;
  std::unique_ptr<MappedFile> index_;  // null without one
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::map<std::string, SafetensorsTensor> tensors_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_SAFETENSORS_SHARDS_H_
