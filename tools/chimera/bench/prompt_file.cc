#include "tools/chimera/bench/prompt_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace chimera {
namespace {

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

// Takes prompt and category out of a line while it is parsed and keeps nothing else: a document
// tree has many times the size of its text. Of equal keys the last counts.
class PromptFinder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool is_object() const { return is_object_; }
  // The prompt, or nothing where the object has none.
  const std::optional<std::string>& prompt() const { return has_prompt_ ? prompt_ : first_turn_; }
  // Empty where the object has none.
  const std::string& category() const { return category_; }

  bool null() override { return Count(); }
  bool boolean(bool) override { return Count(); }
  bool number_integer(number_integer_t) override { return Count(); }
  bool number_unsigned(number_unsigned_t) override { return Count(); }
  bool number_float(number_float_t, const string_t&) override { return Count(); }
  bool binary(binary_t&) override { return Count(); }
  bool string(string_t& text) override {
    if (depth_ == 1 && key_ == Key::kPrompt) {
      prompt_ = std::move(text);
    } else if (depth_ == 1 && key_ == Key::kCategory) {
      category_ = std::move(text);
    } else if (AtFirstTurn()) {
      first_turn_ = std::move(text);
    }
    return Count();
  }

  bool start_object(size_t) override {
    if (depth_ == 0) is_object_ = true;
    return Enter();
  }
  bool end_object() override { return Leave(); }
  bool start_array(size_t) override {
    in_turns_ = in_turns_ || (depth_ == 1 && key_ == Key::kTurns);
    return Enter();
  }
  bool end_array() override { return Leave(); }

  bool key(string_t& name) override {
    if (depth_ != 1) return true;
    key_ = ParseKey(name);
    if (key_ == Key::kPrompt) {
      has_prompt_ = true;
      prompt_.reset();
    } else if (key_ == Key::kTurns) {
      turn_count_ = 0;
      first_turn_.reset();
    } else if (key_ == Key::kCategory) {
      category_.clear();
    }
    return true;
  }

  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

 private:
  enum class Key { kPrompt, kTurns, kCategory, kOther };

  static Key ParseKey(const std::string& name) {
    if (name == "prompt") return Key::kPrompt;
    if (name == "turns") return Key::kTurns;
    return name == "category" ? Key::kCategory : Key::kOther;
  }

  bool AtFirstTurn() const { return depth_ == 2 && in_turns_ && turn_count_ == 0; }

  // Every value is counted once, a container where it starts.
  bool Count() {
    if (depth_ == 2 && in_turns_) ++turn_count_;
    return true;
  }
  bool Enter() {
    Count();
    ++depth_;
    return true;
  }
  bool Leave() {
    if (--depth_ == 1) in_turns_ = false;
    return true;
  }

  size_t depth_ = 0;  // containers around the next value
  bool is_object_ = false;
  Key key_ = Key::kOther;  // of the outermost object, last seen
  bool has_prompt_ = false;
  std::optional<std::string> prompt_;
  std::string category_;
  bool in_turns_ = false;  // inside the list, at any depth
  size_t turn_count_ = 0;
  std::optional<std::string> first_turn_;
};

absl::StatusOr<BenchPrompt> ParseLine(const std::string& line) {
  PromptFinder finder;
  if (!nlohmann::json::sax_parse(line, &finder))
    return absl::InvalidArgumentError("not valid JSON");
  if (!finder.is_object()) return absl::InvalidArgumentError("not a JSON object");
  const std::optional<std::string>& prompt = finder.prompt();
  if (!prompt.has_value()) {
    return absl::InvalidArgumentError(
        "has neither a text \"prompt\" nor a list \"turns\" of texts");
  }
  if (prompt->empty()) return absl::InvalidArgumentError("the prompt is empty");
  return BenchPrompt{*prompt, finder.category()};
}

absl::Status AtLine(int number, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("line ", number, ": ", status.message()));
}

}  // namespace

absl::StatusOr<std::vector<BenchPrompt>> ReadPrompts(std::istream& input, int limit) {
  std::vector<BenchPrompt> prompts;
  std::string line;
  for (int number = 1; limit == 0 || static_cast<int>(prompts.size()) < limit; ++number) {
    const absl::StatusOr<bool> more = ReadLine(input, line);
    if (!more.ok()) return AtLine(number, more.status());
    if (!*more && input.eof()) break;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    absl::StatusOr<BenchPrompt> prompt = ParseLine(line);
    if (!prompt.ok()) return AtLine(number, prompt.status());
    prompts.push_back(*std::move(prompt));
  }
  if (input.bad()) return absl::UnavailableError("cannot read the prompts");
  if (prompts.empty()) return absl::InvalidArgumentError("there are no prompts");
  return prompts;
}

absl::StatusOr<std::vector<BenchPrompt>> ReadPromptFile(const std::string& path, int limit) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", strerror(errno)));
  absl::StatusOr<std::vector<BenchPrompt>> prompts = ReadPrompts(file, limit);
  if (prompts.ok()) return prompts;
  return absl::Status(prompts.status().code(),
                      absl::StrCat(path, ": ", prompts.status().message()));
}

}  // namespace chimera
