// Any bytes as a model file: refused with a message, or a model that can be used.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/model/llama_model.h"
#include "common/ops/llama_forward_reference.h"
#include "tests/common/model/memory_model.h"
#include "tests/fuzz/allocation_limit.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/model_oracle.h"

namespace chimera::testing {
namespace {

using Bytes = std::span<const std::byte>;

// A file without a place on a disk, for what opens files by path.
class MemoryFile {
 public:
  explicit MemoryFile(Bytes content) : fd_(memfd_create("model.gguf", MFD_CLOEXEC)) {
    CHIMERA_CHECK(fd_ >= 0);
    while (!content.empty()) {
      const ssize_t written = write(fd_, content.data(), content.size());
      CHIMERA_CHECK(written > 0);
      content = content.subspan(static_cast<size_t>(written));
    }
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return absl::StrCat("/proc/self/fd/", fd_); }

 private:
  const int fd_;
};

// Reads every element, a block at a time so that no allocation hides how large the tensor is.
void CheckTensor(const TensorView& tensor, Bytes file) {
  CHIMERA_CHECK(tensor.rows > 0 && tensor.columns > 0);
  CHIMERA_CHECK(tensor.bytes.data() >= file.data() &&
                tensor.bytes.data() + tensor.bytes.size() <= file.data() + file.size());
  const size_t row_bytes = tensor.bytes.size() / static_cast<size_t>(tensor.rows);
  CHIMERA_CHECK(row_bytes * static_cast<size_t>(tensor.rows) == tensor.bytes.size());
  float elements[32];
  const std::span<float> block = std::span(elements).first(BlockElements(tensor.type));
  const size_t block_bytes = BlockBytes(tensor.type);
  for (int64_t i = 0; i < tensor.rows; ++i) {
    const Bytes row = tensor.row(i);
    CHIMERA_CHECK(row.size() == row_bytes && row_bytes % block_bytes == 0);
    for (size_t at = 0; at < row_bytes; at += block_bytes) {
      Dequantize(tensor.type, row.subspan(at, block_bytes), block);
    }
  }
}

void Use(const MemoryModel& model) {
  UseVocabulary(model.vocabulary);
  const std::vector<int32_t> tokens = {0, model.config.vocab_size - 1};
  const LlamaForwardResult result = LlamaForwardReference(model.config, model.weights, tokens);
  CHIMERA_CHECK(result.logits.size() == 2 &&
                result.logits[1].size() == static_cast<size_t>(model.config.vocab_size));
}

void TryModel(Bytes bytes) {
  absl::StatusOr<MemoryModel> model;
  {
    const AllocationLimit limit(bytes.size());
    model = ReadMemoryModel(bytes);
  }
  if (!model.ok()) return CheckRefusal(model.status());

  CHIMERA_CHECK(ValidateLlamaConfig(model->config).ok());
  for (const auto& [name, tensor] : model->file.tensors) CheckTensor(tensor, bytes);
  CheckVocabulary(model->vocabulary, model->config.vocab_size);
  const MemoryFile file(bytes);
  {
    const AllocationLimit limit(bytes.size());
    Use(*model);
    const absl::StatusOr<std::unique_ptr<LlamaModel>> mapped = LlamaModel::Open(file.path());
    // What only a file on a disk has is a name, which may be of a wrong type.
    CHIMERA_CHECK(mapped.ok() || absl::StrContains(mapped.status().message(), "general.name"))
        << mapped.status();
    if (mapped.ok()) CHIMERA_CHECK((*mapped)->fingerprint() == FingerprintOf(*model));
  }
}

}  // namespace
}  // namespace chimera::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  chimera::testing::TryModel(std::as_bytes(std::span(data, size)));
  return 0;
}
