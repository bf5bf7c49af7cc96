// Any bytes as a safetensors file: refused with a message, or tensors that fill the file and can be
// written again.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/check.h"
#include "common/model/safetensors_file.h"
#include "common/model/safetensors_writer.h"
#include "tests/fuzz/allocation_limit.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/text_oracle.h"
#include "tests/testing/temp_directory.h"

namespace chimera::testing {
namespace {

using Bytes = std::span<const std::byte>;

void CheckRefusal(const absl::Status& status) {
  CHIMERA_CHECK(status.code() == absl::StatusCode::kInvalidArgument ||
                status.code() == absl::StatusCode::kUnimplemented)
      << status;
  CHIMERA_CHECK(!status.message().empty() &&
                IsPrintable({status.message().data(), status.message().size()}))
      << status;
}

// Each byte after the header belongs to one tensor, which is as large as its shape says.
void CheckTensors(const SafetensorsContents& contents, Bytes file) {
  uint64_t header_size = 0;
  for (int i = 0; i < 8; ++i) header_size |= std::to_integer<uint64_t>(file[i]) << 8 * i;
  const Bytes data = file.subspan(8 + header_size);
  std::vector<int> owners(data.size());
  for (const auto& [name, tensor] : contents.tensors) {
    CHIMERA_CHECK(IsUtf8(name));
    CHIMERA_CHECK(tensor.bytes.data() >= data.data() &&
                  tensor.bytes.data() + tensor.bytes.size() <= data.data() + data.size());
    unsigned __int128 size = SafetensorsTypeBytes(tensor.type);
    for (const int64_t dimension : tensor.shape) {
      CHIMERA_CHECK(dimension >= 0);
      size *= static_cast<uint64_t>(dimension);
      CHIMERA_CHECK(size >> 64 == 0);
    }
    CHIMERA_CHECK(size == tensor.bytes.size());
    for (size_t i = 0; i < tensor.bytes.size(); ++i)
      ++owners[tensor.bytes.data() - data.data() + i];
  }
  CHIMERA_CHECK(std::all_of(owners.begin(), owners.end(), [](int count) { return count == 1; }));
  for (const auto& [key, value] : contents.metadata) CHIMERA_CHECK(IsUtf8(key) && IsUtf8(value));
}

void CheckSurvivesWriting(const SafetensorsContents& contents) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/file";
  std::vector<SafetensorsEntry> entries;
  for (const auto& [name, tensor] : contents.tensors) {
    entries.push_back({name, tensor.type, tensor.shape, tensor.bytes});
  }
  const absl::Status status = WriteSafetensors(path, entries, contents.metadata);
  CHIMERA_CHECK(status.ok()) << status;
  const auto file = SafetensorsFile::Open(path);
  CHIMERA_CHECK(file.ok()) << file.status();
  CHIMERA_CHECK((*file)->metadata() == contents.metadata);
  CHIMERA_CHECK((*file)->tensors().size() == contents.tensors.size());
  for (const auto& [name, tensor] : contents.tensors) {
    const auto written = (*file)->Find(name);
    CHIMERA_CHECK(written.ok()) << written.status();
    CHIMERA_CHECK((*written)->type == tensor.type && (*written)->shape == tensor.shape);
    CHIMERA_CHECK(std::equal(tensor.bytes.begin(), tensor.bytes.end(), (*written)->bytes.begin(),
                             (*written)->bytes.end()));
  }
}

void TryFile(Bytes bytes) {
  absl::StatusOr<SafetensorsContents> contents;
  {
    const AllocationLimit limit(bytes.size());
    contents = ReadSafetensors(bytes);
  }
  if (!contents.ok()) return CheckRefusal(contents.status());
  CheckTensors(*contents, bytes);
  CheckSurvivesWriting(*contents);
}

}  // namespace
}  // namespace chimera::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  chimera::testing::TryFile(std::as_bytes(std::span(data, size)));
  return 0;
}
