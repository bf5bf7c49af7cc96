// Writes GGUF files for tests, valid ones and others.

#ifndef CHIMERA_TESTS_TESTING_GGUF_WRITER_H_
#define CHIMERA_TESTS_TESTING_GGUF_WRITER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/model/data_type.h"
#include "common/model/gguf_metadata.h"

namespace chimera::testing {

// One entry of the tensor table and its data. Anything may be set to a wrong value.
struct GgufWriterTensor {
  std::string name;
  std::vector<uint64_t> dimensions;  // the first is contiguous: {columns, rows}
  uint32_t type = 0;                 // the number in the file
  std::string data;
  std::optional<uint64_t> offset = std::nullopt;  // as the table says it; by default the true one
};

// Collects metadata and tensors in order; Serialize lays them out. A Set of a key that is already
// there replaces it.
class GgufWriter {
 public:
  void SetUint32(const std::string& key, uint32_t value);
  void SetUint64(const std::string& key, uint64_t value);
  void SetFloat32(const std::string& key, float value);
  void SetBool(const std::string& key, bool value);
  void SetString(const std::string& key, absl::string_view value);
  void SetStringArray(const std::string& key, const std::vector<std::string>& values);
  void SetInt32Array(const std::string& key, const std::vector<int32_t>& values);
  // `bytes` as they stand behind the type's number.
  void SetRaw(const std::string& key, uint32_t type, std::string bytes);
  void Remove(absl::string_view key);

  // Adds a pair even if the key is already there.
  void AddDuplicate(const std::string& key);

  void AddTensor(GgufWriterTensor tensor) { tensors_.push_back(std::move(tensor)); }
  // The tensor named `name`, which must exist.
  GgufWriterTensor& tensor(absl::string_view name);
  std::vector<GgufWriterTensor>& tensors() { return tensors_; }
  const std::vector<GgufWriterTensor>& tensors() const { return tensors_; }

  // Bytes between the starts of two tensors' data. Does not set general.alignment.
  void set_alignment(uint64_t alignment) { alignment_ = alignment; }
  void set_version(uint32_t version) { version_ = version; }

  // Bytes of the file before the tensor data.
  std::string SerializeHeader() const;
  // The whole file.
  std::string Serialize() const;

 private:
  struct Pair {
    std::string key;
    std::string value;  // type and payload
  };

  std::vector<Pair> pairs_;
  std::vector<GgufWriterTensor> tensors_;
  uint64_t alignment_ = 32;
  uint32_t version_ = 3;
};

// The number of `type` in GGUF's tensor table.
uint32_t GgmlTypeNumber(DataType type);

// Writes `content` to a file at `path`, replacing it; ends the test program if it cannot.
void WriteFile(const std::string& path, absl::string_view content);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_GGUF_WRITER_H_
