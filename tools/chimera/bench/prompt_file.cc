#include "tools/chimera/bench/prompt_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace chimera {
namespace {

using Json = nlohmann::json;

// A prompt of the protocol's greatest length, 4 MiB, and something for escapes and other keys.
constexpr size_t kMaxLineBytes = size_t{8} << 20;

// The next line without its end. False at the end of the input.
absl::StatusOr<bool> ReadLine(std::istream& input, std::string& line) {
  line.clear();
  for (char c; input.get(c);) {
    if (c == '\n') return true;
    if (line.size() == kMaxLineBytes) {
      return absl::InvalidArgumentError(absl::StrCat("longer than ", kMaxLineBytes, " bytes"));
    }
    line += c;
  }
  return !line.empty();
}

// The string at `key`, where the object has one.
const std::string* FindString(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? nullptr : found->get_ptr<const std::string*>();
}

// The first of `turns`, where there is one.
const std::string* FindFirstTurn(const Json& object) {
  const auto turns = object.find("turns");
  if (turns == object.end() || !turns->is_array() || turns->empty()) return nullptr;
  return turns->front().get_ptr<const std::string*>();
}

absl::StatusOr<std::string> ParseLine(const std::string& line) {
  const Json object = Json::parse(line, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) return absl::InvalidArgumentError("not valid JSON");
  if (!object.is_object()) return absl::InvalidArgumentError("not a JSON object");
  const std::string* prompt =
      object.contains("prompt") ? FindString(object, "prompt") : FindFirstTurn(object);
  if (prompt == nullptr) {
    return absl::InvalidArgumentError(
        "has neither a text \"prompt\" nor a list \"turns\" of texts");
  }
  if (prompt->empty()) return absl::InvalidArgumentError("the prompt is empty");
  return *prompt;
}

absl::Status AtLine(int number, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("line ", number, ": ", status.message()));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadPrompts(std::istream& input, int limit) {
  std::vector<std::string> prompts;
  std::string line;
  for (int number = 1; limit == 0 || static_cast<int>(prompts.size()) < limit; ++number) {
    const absl::StatusOr<bool> more = ReadLine(input, line);
    if (!more.ok()) return AtLine(number, more.status());
    if (!*more && input.eof()) break;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    absl::StatusOr<std::string> prompt = ParseLine(line);
    if (!prompt.ok()) return AtLine(number, prompt.status());
    prompts.push_back(*std::move(prompt));
  }
  if (input.bad()) return absl::UnavailableError("cannot read the prompts");
  if (prompts.empty()) return absl::InvalidArgumentError("there are no prompts");
  return prompts;
}

absl::StatusOr<std::vector<std::string>> ReadPromptFile(const std::string& path, int limit) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", strerror(errno)));
  absl::StatusOr<std::vector<std::string>> prompts = ReadPrompts(file, limit);
  if (prompts.ok()) return prompts;
  return absl::Status(prompts.status().code(),
                      absl::StrCat(path, ": ", prompts.status().message()));
}

}  // namespace chimera
