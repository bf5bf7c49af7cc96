// Reads JSON files that nobody has checked.

#ifndef CHIMERA_COMMON_MODEL_JSON_DOCUMENT_H_
#define CHIMERA_COMMON_MODEL_JSON_DOCUMENT_H_

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace chimera {

// Far beyond any model's files, the largest of which list some 300000 tokens and merges in 20 MB.
// A document takes many times the memory of its text.
inline constexpr size_t kMaxJsonBytes = size_t{64} << 20;
inline constexpr int kMaxJsonDepth = 32;  // objects and arrays within each other

// An object within a document, which must outlive it. A member that is null counts as absent: so
// Hugging Face writes what does not apply. Messages name the file and the way to the member,
// "tokenizer.json: key model.type"; INVALID_ARGUMENT for a member of another type than asked for.
class JsonObject {
 public:
  JsonObject(const nlohmann::json* object, std::string path)
      : object_(object), path_(std::move(path)) {}

  // "tokenizer.json: key model.type", for messages; in printable ASCII.
  std::string NameOf(absl::string_view key) const;

  bool Has(const std::string& key) const { return Find(key) != nullptr; }
  absl::StatusOr<std::optional<int64_t>> Integer(const std::string& key) const;
  absl::StatusOr<std::optional<double>> Number(const std::string& key) const;
  absl::StatusOr<std::optional<bool>> Bool(const std::string& key) const;
  // The view lives as long as the document, as do the two below.
  absl::StatusOr<std::optional<absl::string_view>> String(const std::string& key) const;
  absl::StatusOr<std::optional<JsonObject>> Object(const std::string& key) const;
  // Empty if there is no such member: nothing depends on the difference.
  absl::StatusOr<std::vector<JsonObject>> Objects(const std::string& key) const;

  // The member, or null if it is absent; for what has several forms.
  const nlohmann::json* Find(const std::string& key) const;

  // All members, those that are null included.
  const nlohmann::json& members() const { return *object_; }

  // UNIMPLEMENTED, naming the member, if it is there and has another value than `neutral`, the one
  // that changes nothing.
  absl::Status RequireNeutral(const std::string& key, const nlohmann::json& neutral) const;

  // INVALID_ARGUMENT: "<name of the key> <what is wrong>".
  absl::Status Error(absl::string_view key, absl::string_view what) const;

 private:
  const nlohmann::json* object_;
  std::string path_;  // up to the object: "tokenizer.json: key model."
};

// A file's content. Immutable.
class JsonDocument {
 public:
  // INVALID_ARGUMENT, naming `file`, and the byte if the text is no JSON in UTF-8, for what is not
  // an object or is beyond kMaxJsonBytes or kMaxJsonDepth. Of members of one name the last counts.
  static absl::StatusOr<JsonDocument> Parse(const std::string& file, absl::string_view text);

  JsonObject root() const { return JsonObject(&value_, file_ + ": key "); }

 private:
  JsonDocument(std::string file, nlohmann::json value)
      : file_(std::move(file)), value_(std::move(value)) {}

  std::string file_;
  nlohmann::json value_;
};

// The value of a getter, or INVALID_ARGUMENT naming the key if there is none.
template <typename T>
absl::StatusOr<T> Required(absl::StatusOr<std::optional<T>> value, const JsonObject& object,
                           absl::string_view key) {
  if (!value.ok()) return std::move(value).status();
  if (!value->has_value()) return object.Error(key, "is missing");
  return **std::move(value);
}

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_JSON_DOCUMENT_H_
