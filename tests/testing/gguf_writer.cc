#include "tests/testing/gguf_writer.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "common/base/check.h"

namespace chimera::testing {
namespace {

template <typename T>
std::string Bytes(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::string SizedString(absl::string_view text) {
  return Bytes<uint64_t>(text.size()) + std::string(text);
}

std::string ArrayStart(GgufType type, size_t count) {
  return Bytes(static_cast<uint32_t>(type)) + Bytes<uint64_t>(count);
}

void PadTo(uint64_t alignment, std::string* bytes) {
  bytes->resize((bytes->size() + alignment - 1) / alignment * alignment);
}

}  // namespace

void GgufWriter::SetRaw(const std::string& key, uint32_t type, std::string bytes) {
  Remove(key);
  pairs_.push_back({key, Bytes(type) + std::move(bytes)});
}

void GgufWriter::SetUint32(const std::string& key, uint32_t value) {
  SetRaw(key, static_cast<uint32_t>(GgufType::kUint32), Bytes(value));
}

void GgufWriter::SetUint64(const std::string& key, uint64_t value) {
  SetRaw(key, static_cast<uint32_t>(GgufType::kUint64), Bytes(value));
}

void GgufWriter::SetFloat32(const std::string& key, float value) {
  SetRaw(key, static_cast<uint32_t>(GgufType::kFloat32), Bytes(value));
}

void GgufWriter::SetBool(const std::string& key, bool value) {
  SetRaw(key, static_cast<uint32_t>(GgufType::kBool), Bytes<uint8_t>(value ? 1 : 0));
}

void GgufWriter::SetString(const std::string& key, absl::string_view value) {
  SetRaw(key, static_cast<uint32_t>(GgufType::kString), SizedString(value));
}

void GgufWriter::SetStringArray(const std::string& key, const std::vector<std::string>& values) {
  std::string bytes = ArrayStart(GgufType::kString, values.size());
  for (const std::string& value : values) bytes += SizedString(value);
  SetRaw(key, static_cast<uint32_t>(GgufType::kArray), std::move(bytes));
}

void GgufWriter::SetInt32Array(const std::string& key, const std::vector<int32_t>& values) {
  std::string bytes = ArrayStart(GgufType::kInt32, values.size());
  for (const int32_t value : values) bytes += Bytes(value);
  SetRaw(key, static_cast<uint32_t>(GgufType::kArray), std::move(bytes));
}

void GgufWriter::Remove(absl::string_view key) {
  std::erase_if(pairs_, [key](const Pair& pair) { return pair.key == key; });
}

void GgufWriter::AddDuplicate(const std::string& key) {
  const auto found = std::find_if(pairs_.begin(), pairs_.end(),
                                  [&key](const Pair& pair) { return pair.key == key; });
  CHIMERA_CHECK(found != pairs_.end()) << key;
  pairs_.push_back(Pair(*found));
}

GgufWriterTensor& GgufWriter::tensor(absl::string_view name) {
  const auto found =
      std::find_if(tensors_.begin(), tensors_.end(),
                   [name](const GgufWriterTensor& tensor) { return tensor.name == name; });
  CHIMERA_CHECK(found != tensors_.end()) << name;
  return *found;
}

std::string GgufWriter::SerializeHeader() const {
  std::string bytes =
      "GGUF" + Bytes(version_) + Bytes<uint64_t>(tensors_.size()) + Bytes<uint64_t>(pairs_.size());
  for (const Pair& pair : pairs_) bytes += SizedString(pair.key) + pair.value;
  uint64_t offset = 0;
  for (const GgufWriterTensor& tensor : tensors_) {
    bytes += SizedString(tensor.name) + Bytes(static_cast<uint32_t>(tensor.dimensions.size()));
    for (const uint64_t dimension : tensor.dimensions) bytes += Bytes(dimension);
    bytes += Bytes(tensor.type) + Bytes(tensor.offset.value_or(offset));
    offset += (tensor.data.size() + alignment_ - 1) / alignment_ * alignment_;
  }
  PadTo(alignment_, &bytes);
  return bytes;
}

std::string GgufWriter::Serialize() const {
  std::string bytes = SerializeHeader();
  for (const GgufWriterTensor& tensor : tensors_) {
    bytes += tensor.data;
    PadTo(alignment_, &bytes);
  }
  return bytes;
}

uint32_t GgmlTypeNumber(DataType type) {
  switch (type) {
    case DataType::kF32:
      return 0;
    case DataType::kF16:
      return 1;
    case DataType::kQ4_0:
      return 2;
    case DataType::kQ4_1:
      return 3;
    case DataType::kQ8_0:
      return 8;
    case DataType::kBf16:
      return 30;
  }
  CHIMERA_CHECK(false) << static_cast<int>(type);
  return 0;
}

void WriteFile(const std::string& path, absl::string_view content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  CHIMERA_CHECK(file.good()) << "cannot write " << path;
}

}  // namespace chimera::testing
