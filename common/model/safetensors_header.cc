#include "common/model/safetensors_header.h"

#include <array>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/model/printable.h"

namespace chimera {
namespace {

using Json = nlohmann::json;

// The parser's message about an error spells out the white space before it, a line break in eight
// bytes.
constexpr size_t kMaxControlCharacters = 256;

absl::Status CheckCharacters(absl::string_view header) {
  if (header.empty() || header[0] != '{') {
    return absl::InvalidArgumentError("the header must be a JSON object, starting with \"{\"");
  }
  size_t control_characters = 0;
  for (const char c : header) {
    // The parser takes it for the end.
    if (c == '\0') return absl::InvalidArgumentError("the header has a zero byte");
    if (static_cast<unsigned char>(c) > ' ') control_characters = 0;
    if (static_cast<unsigned char>(c) < ' ' && ++control_characters > kMaxControlCharacters) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the header has more than ", kMaxControlCharacters, " line breaks or tabs in a row"));
    }
  }
  return absl::OkStatus();
}

// Fills the contents while the header is parsed: a document tree has many times the size of its
// text. What has another form than the format's ends the parse, so depth is bounded.
class HeaderReader final : public nlohmann::json_sax<Json> {
 public:
  HeaderReader(std::span<const std::byte> data, SafetensorsContents* contents)
      : data_(data), contents_(contents) {}

  // Why the parse ended early; OK if it did not.
  const absl::Status& status() const { return status_; }

  bool null() override { return RefuseValue(); }
  bool boolean(bool) override { return RefuseValue(); }
  bool number_integer(number_integer_t) override { return RefuseValue(); }  // only negative ones
  bool number_float(number_float_t, const string_t&) override { return RefuseValue(); }
  bool binary(binary_t&) override { return RefuseValue(); }

  bool number_unsigned(number_unsigned_t number) override {
    if (place_ == Place::kShape) return AddDimension(number);
    if (place_ != Place::kOffsets || offset_count_ == offsets_.size()) return RefuseValue();
    offsets_[offset_count_++] = number;
    return true;
  }

  bool string(string_t& text) override {
    if (place_ == Place::kMetadata) {
      *metadata_value_ = text;
      return true;
    }
    if (place_ != Place::kTensor || field_ != kType) return RefuseValue();
    const absl::StatusOr<SafetensorsType> type = ParseSafetensorsType(text);
    if (!type.ok()) {
      return Refuse(absl::Status(
          type.status().code(),
          absl::StrCat("tensor ", Printable(name_), " has ", type.status().message())));
    }
    tensor_.type = *type;
    return true;
  }

  bool start_object(size_t) override {
    if (place_ == Place::kDocument) return Enter(Place::kEntries);
    if (place_ != Place::kEntries) return RefuseValue();
    if (name_ == kSafetensorsMetadataKey) return Enter(Place::kMetadata);
    tensor_ = {};
    seen_fields_ = 0;
    offset_count_ = 0;
    return Enter(Place::kTensor);
  }

  bool end_object() override {
    if (place_ != Place::kTensor) return Enter(Place::kEntries);
    const absl::Status status = AddTensor();
    return status.ok() ? Enter(Place::kEntries) : Refuse(status);
  }

  bool start_array(size_t) override {
    if (place_ != Place::kTensor || field_ == kType) return RefuseValue();
    return Enter(field_ == kShape ? Place::kShape : Place::kOffsets);
  }

  bool end_array() override {
    if (place_ == Place::kOffsets && offset_count_ < offsets_.size()) return RefuseValue();
    return Enter(Place::kTensor);
  }

  bool key(string_t& name) override {
    if (place_ == Place::kMetadata) return StartMetadata(name);
    return place_ == Place::kTensor ? StartField(name) : StartEntry(name);
  }

  bool parse_error(size_t position, const std::string&, const Json::exception&) override {
    return Refuse(absl::InvalidArgumentError(
        absl::StrCat("the header is not valid JSON in UTF-8: byte ", position)));
  }

 private:
  // What the next value or key belongs to.
  enum class Place { kDocument, kEntries, kMetadata, kTensor, kShape, kOffsets };
  // Of a tensor, as bits.
  enum Field : unsigned { kType = 1, kShape = 2, kOffsets = 4 };

  bool Enter(Place place) {
    place_ = place;
    return true;
  }

  bool Refuse(absl::Status status) {
    status_ = std::move(status);
    return false;
  }

  bool RefuseDuplicate(absl::string_view what, absl::string_view name) {
    return Refuse(absl::InvalidArgumentError(
        absl::StrCat("the header has ", what, " ", Printable(name), " twice")));
  }

  // A value of the wrong type or an array of the wrong size.
  bool RefuseValue() {
    const std::string of_tensor = absl::StrCat(" of tensor ", Printable(name_), " must be ");
    std::string message;
    if (place_ == Place::kMetadata) {
      message = absl::StrCat("metadata ", Printable(metadata_key_), " must be a string");
    } else if (place_ == Place::kEntries) {
      message = absl::StrCat(Printable(name_), " must be an object");
    } else if (field_ == kType) {
      message = absl::StrCat("dtype", of_tensor, "a string");
    } else if (field_ == kShape) {
      message = absl::StrCat("shape", of_tensor, "an array of integers from 0 to 2^63 - 1");
    } else {
      message = absl::StrCat("data_offsets", of_tensor, "an array of two integers from 0");
    }
    return Refuse(absl::InvalidArgumentError(message));
  }

  bool StartEntry(const std::string& name) {
    name_ = name;
    if (name == kSafetensorsMetadataKey) {
      if (std::exchange(has_metadata_, true)) return RefuseDuplicate("the key", name);
      return true;
    }
    if (contents_->tensors.contains(name)) return RefuseDuplicate("the tensor", name);
    if (contents_->tensors.size() < kMaxSafetensorsTensors) return true;
    return Refuse(absl::InvalidArgumentError(
        absl::StrCat("the file has more than ", kMaxSafetensorsTensors, " tensors")));
  }

  bool StartMetadata(const std::string& key) {
    metadata_key_ = key;
    const auto [pair, added] = contents_->metadata.try_emplace(key);
    if (!added) return RefuseDuplicate("metadata", key);
    metadata_value_ = &pair->second;
    if (contents_->metadata.size() <= kMaxSafetensorsMetadataKeys) return true;
    return Refuse(absl::InvalidArgumentError(
        absl::StrCat("the file has more than ", kMaxSafetensorsMetadataKeys, " metadata keys")));
  }

  bool StartField(const std::string& key) {
    if (key == "dtype") {
      field_ = kType;
    } else if (key == "shape") {
      field_ = kShape;
    } else if (key == "data_offsets") {
      field_ = kOffsets;
    } else {
      return Refuse(absl::InvalidArgumentError(
          absl::StrCat("tensor ", Printable(name_), " has the key ", Printable(key),
                       ", must have dtype, shape and data_offsets")));
    }
    if ((seen_fields_ & field_) != 0) {
      return RefuseDuplicate(absl::StrCat("tensor ", Printable(name_), " with"), key);
    }
    seen_fields_ |= field_;
    return true;
  }

  bool AddDimension(uint64_t dimension) {
    if (dimension > uint64_t{std::numeric_limits<int64_t>::max()}) return RefuseValue();
    tensor_.shape.push_back(static_cast<int64_t>(dimension));
    if (tensor_.shape.size() <= kMaxSafetensorsDimensions) return true;
    return Refuse(CheckSafetensorsTensor(name_, tensor_));
  }

  absl::Status AddTensor() {
    if (seen_fields_ != (kType | kShape | kOffsets)) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", Printable(name_), " must have dtype, shape and data_offsets"));
    }
    const auto [begin, end] = offsets_;
    if (begin > end || end > data_.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", Printable(name_), " has data offsets ", begin, " to ", end,
                       ", must be in order and within ", data_.size(), " bytes of tensor data"));
    }
    tensor_.bytes = data_.subspan(begin, end - begin);
    CHIMERA_RETURN_IF_ERROR(CheckSafetensorsTensor(name_, tensor_));
    contents_->tensors.emplace(name_, std::move(tensor_));
    return absl::OkStatus();
  }

  const std::span<const std::byte> data_;
  SafetensorsContents* const contents_;
  absl::Status status_;
  Place place_ = Place::kDocument;
  bool has_metadata_ = false;
  std::string metadata_key_;
  std::string* metadata_value_ = nullptr;

  // The tensor that is being read.
  std::string name_;
  SafetensorsTensor tensor_;
  unsigned seen_fields_ = 0;
  Field field_ = kType;  // last seen
  std::array<uint64_t, 2> offsets_ = {};
  size_t offset_count_ = 0;
};

}  // namespace

absl::StatusOr<SafetensorsContents> ReadSafetensorsHeader(absl::string_view header,
                                                          std::span<const std::byte> data) {
  CHIMERA_RETURN_IF_ERROR(CheckCharacters(header));
  SafetensorsContents contents;
  HeaderReader reader(data, &contents);
  Json::sax_parse(header.begin(), header.end(), &reader);
  CHIMERA_RETURN_IF_ERROR(reader.status());
  return contents;
}

}  // namespace chimera
