// Reads safetensors files.

#ifndef CHIMERA_COMMON_MODEL_SAFETENSORS_FILE_H_
#define CHIMERA_COMMON_MODEL_SAFETENSORS_FILE_H_

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/base/mapped_file.h"
#include "common/model/safetensors_tensor.h"

namespace chimera {

// Checks and reads `bytes`, a whole file, which must outlive the result. Nothing in the file is
// trusted, and all that the reference implementation demands is: tensors that fill the data,
// without a gap or overlap. INVALID_ARGUMENT otherwise; UNIMPLEMENTED for a type that Chimera does
// not know; both name the tensor or key.
absl::StatusOr<SafetensorsContents> ReadSafetensors(std::span<const std::byte> bytes);

// A file, mapped, and the views into it. Immutable; any thread may read.
class SafetensorsFile {
 public:
  // Errors: those of MappedFile::Open and ReadSafetensors; all name the file.
  static absl::StatusOr<std::unique_ptr<SafetensorsFile>> Open(const std::string& path);

  // The strings under "__metadata__"; empty without it.
  const std::map<std::string, std::string>& metadata() const { return contents_.metadata; }

  // By name. Their bytes live as long as the object.
  const std::map<std::string, SafetensorsTensor>& tensors() const { return contents_.tensors; }

  // The tensor, which lives as long as the object. NOT_FOUND, naming it and the file, if there is
  // none.
  absl::StatusOr<const SafetensorsTensor*> Find(const std::string& name) const;

  // As MappedFile says.
  const FileStamp& stamp() const { return file_->stamp(); }
  void ReleaseMemory() const { file_->ReleaseMemory(); }

 private:
  SafetensorsFile(std::string path, std::unique_ptr<MappedFile> file, SafetensorsContents contents)
      : path_(std::move(path)), file_(std::move(file)), contents_(std::move(contents)) {}

  const std::string path_;
  const std::unique_ptr<MappedFile> file_;
  const SafetensorsContents contents_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_SAFETENSORS_FILE_H_
