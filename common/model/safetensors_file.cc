#include "common/model/safetensors_file.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "common/model/byte_reader.h"
#include "common/model/printable.h"
#include "common/model/safetensors_header.h"

namespace chimera {
namespace {

using NamedTensor = std::map<std::string, SafetensorsTensor>::value_type;

absl::StatusOr<absl::string_view> ReadHeaderText(ByteReader* reader) {
  CHIMERA_ASSIGN_OR_RETURN(const uint64_t size, reader->Read<uint64_t>("header size"));
  if (size > kMaxSafetensorsHeaderBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the header has ", size, " bytes, must be at most ", kMaxSafetensorsHeaderBytes));
  }
  CHIMERA_ASSIGN_OR_RETURN(const std::span<const std::byte> text,
                           reader->ReadBytes(size, "header"));
  return absl::string_view(reinterpret_cast<const char*>(text.data()), text.size());
}

// Each tensor must start where the one before ends. All lie within `data`.
absl::Status CheckTensorsFill(std::span<const std::byte> data,
                              const SafetensorsContents& contents) {
  std::vector<const NamedTensor*> order;
  order.reserve(contents.tensors.size());
  for (const NamedTensor& tensor : contents.tensors) order.push_back(&tensor);
  // Of tensors at the same place the empty ones come first: only they have room there.
  std::sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    const auto &x = a->second.bytes, &y = b->second.bytes;
    return x.data() != y.data() ? x.data() < y.data() : x.size() < y.size();
  });
  size_t end = 0;
  const NamedTensor* before = nullptr;
  for (const NamedTensor* tensor : order) {
    const size_t begin = tensor->second.bytes.data() - data.data();
    if (begin < end) {
      return absl::InvalidArgumentError(absl::StrCat("tensors ", Printable(before->first), " and ",
                                                     Printable(tensor->first), " overlap"));
    }
    if (begin > end) {
      return absl::InvalidArgumentError(absl::StrCat("no tensor has the ", begin - end,
                                                     " bytes of data before tensor ",
                                                     Printable(tensor->first)));
    }
    end = begin + tensor->second.bytes.size();
    before = tensor;
  }
  if (end == data.size()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("no tensor has the last ", data.size() - end, " bytes of the file"));
}

}  // namespace

absl::StatusOr<SafetensorsContents> ReadSafetensors(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  CHIMERA_ASSIGN_OR_RETURN(const absl::string_view header, ReadHeaderText(&reader));
  const std::span<const std::byte> data = bytes.subspan(reader.offset());
  CHIMERA_ASSIGN_OR_RETURN(SafetensorsContents contents, ReadSafetensorsHeader(header, data));
  CHIMERA_RETURN_IF_ERROR(CheckTensorsFill(data, contents));
  return contents;
}

absl::StatusOr<std::unique_ptr<SafetensorsFile>> SafetensorsFile::Open(const std::string& path) {
  CHIMERA_ASSIGN_OR_RETURN(std::unique_ptr<MappedFile> file, MappedFile::Open(path));
  absl::StatusOr<SafetensorsContents> contents = ReadSafetensors(file->bytes());
  if (!contents.ok()) {
    return absl::Status(contents.status().code(),
                        absl::StrCat(path, ": ", contents.status().message()));
  }
  return absl::WrapUnique(new SafetensorsFile(path, std::move(file), *std::move(contents)));
}

absl::StatusOr<const SafetensorsTensor*> SafetensorsFile::Find(const std::string& name) const {
  const auto found = tensors().find(name);
  if (found != tensors().end()) return &found->second;
  return absl::NotFoundError(absl::StrCat(path_, " has no tensor ", Printable(name)));
}

}  // namespace chimera
