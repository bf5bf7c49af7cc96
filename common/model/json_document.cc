#include "common/model/json_document.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "common/model/printable.h"

namespace chimera {
namespace {

using Json = nlohmann::json;

// Takes nothing in: finds where a text is no JSON or too deep, before memory is spent on it.
class Checker final : public nlohmann::json_sax<Json> {
 public:
  const std::string& error() const { return error_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t&) override { return true; }
  bool start_object(size_t) override { return Descend(); }
  bool start_array(size_t) override { return Descend(); }
  bool end_object() override { return Ascend(); }
  bool end_array() override { return Ascend(); }
  bool parse_error(size_t position, const std::string&, const Json::exception&) override {
    error_ = absl::StrCat("is not valid JSON in UTF-8: byte ", position);
    return false;
  }

 private:
  bool Descend() {
    if (++depth_ <= kMaxJsonDepth) return true;
    error_ = absl::StrCat("is nested deeper than ", kMaxJsonDepth);
    return false;
  }

  bool Ascend() {
    --depth_;
    return true;
  }

  int depth_ = 0;
  std::string error_;
};

// In printable ASCII, cut to what a message has room for.
std::string Dump(const Json& value) {
  std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
  if (text.size() > kMaxPrintableBytes) text.replace(kMaxPrintableBytes, std::string::npos, "...");
  return text;
}

}  // namespace

std::string JsonObject::NameOf(absl::string_view key) const {
  return absl::StrCat(path_, Printable(key));
}

absl::Status JsonObject::Error(absl::string_view key, absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(NameOf(key), " ", what));
}

const Json* JsonObject::Find(const std::string& key) const {
  const auto found = object_->find(key);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

absl::StatusOr<std::optional<int64_t>> JsonObject::Integer(const std::string& key) const {
  const Json* const value = Find(key);
  if (value == nullptr) return std::nullopt;
  const bool fits = value->is_number_integer() &&
                    !(value->is_number_unsigned() &&
                      value->get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()});
  if (!fits) return Error(key, "must be an integer below 2^63");
  return value->get<int64_t>();
}

absl::StatusOr<std::optional<double>> JsonObject::Number(const std::string& key) const {
  const Json* const value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) return Error(key, "must be a number");
  return value->get<double>();
}

absl::StatusOr<std::optional<bool>> JsonObject::Bool(const std::string& key) const {
  const Json* const value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) return Error(key, "must be true or false");
  return value->get<bool>();
}

absl::StatusOr<std::optional<absl::string_view>> JsonObject::String(const std::string& key) const {
  const Json* const value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return Error(key, "must be a string");
  return absl::string_view(value->get_ref<const std::string&>());
}

absl::StatusOr<std::optional<JsonObject>> JsonObject::Object(const std::string& key) const {
  const Json* const value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) return Error(key, "must be an object");
  return JsonObject(value, absl::StrCat(NameOf(key), "."));
}

absl::StatusOr<std::vector<JsonObject>> JsonObject::Objects(const std::string& key) const {
  const Json* const value = Find(key);
  std::vector<JsonObject> objects;
  if (value == nullptr) return objects;
  if (!value->is_array()) return Error(key, "must be an array");
  for (const Json& element : *value) {
    const std::string name = absl::StrCat(NameOf(key), "[", objects.size(), "]");
    if (!element.is_object()) {
      return absl::InvalidArgumentError(absl::StrCat(name, " must be an object"));
    }
    objects.emplace_back(&element, name + ".");
  }
  return objects;
}

absl::Status JsonObject::RequireNeutral(const std::string& key, const Json& neutral) const {
  const Json* const value = Find(key);
  if (value == nullptr || *value == neutral) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat(NameOf(key), " is ", Dump(*value), "; supported: ", Dump(neutral)));
}

absl::StatusOr<JsonDocument> JsonDocument::Parse(const std::string& file, absl::string_view text) {
  if (text.size() > kMaxJsonBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, " has ", text.size(), " bytes, must have at most ", kMaxJsonBytes));
  }
  Checker checker;
  if (!Json::sax_parse(text.begin(), text.end(), &checker)) {
    return absl::InvalidArgumentError(absl::StrCat(file, " ", checker.error()));
  }
  Json value = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(file, " must hold an object"));
  }
  return JsonDocument(file, std::move(value));
}

}  // namespace chimera
