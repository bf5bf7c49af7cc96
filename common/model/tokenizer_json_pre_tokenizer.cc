// ReadPreTokenizerName of tokenizer_json.h.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/model/printable.h"
#include "common/model/tokenizer_json.h"

namespace chimera {
namespace {

constexpr char kType[] = "type";
constexpr char kPreTokenizer[] = "pre_tokenizer";

// Each step of a sequence as one text.
constexpr absl::string_view kByteLevel = "ByteLevel";
constexpr absl::string_view kByteLevelOnly = "ByteLevel, use_regex false";
constexpr absl::string_view kDigits = "Digits, individual_digits true";
constexpr absl::string_view kLlama3Split =
    "Split on (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
    "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

struct KnownSequence {
  absl::string_view name;
  std::vector<absl::string_view> steps;
  bool ignores_merges;
};

// The patterns are those of PreTokenizer.
std::vector<KnownSequence> KnownSequences() {
  return {{"smollm", {kDigits, kByteLevel}, false},
          {"gpt-2", {kByteLevel}, false},
          {"llama-bpe", {kLlama3Split, kByteLevelOnly}, true}};
}

absl::StatusOr<std::string> DescribeSplit(const JsonObject& step) {
  CHIMERA_RETURN_IF_ERROR(step.RequireNeutral("invert", false));
  CHIMERA_RETURN_IF_ERROR(step.RequireNeutral("behavior", "Isolated"));
  CHIMERA_ASSIGN_OR_RETURN(const JsonObject pattern,
                           Required(step.Object("pattern"), step, "pattern"));
  CHIMERA_ASSIGN_OR_RETURN(const std::optional<absl::string_view> regex, pattern.String("Regex"));
  return absl::StrCat("Split on ", regex.value_or("a string"));
}

absl::StatusOr<std::string> DescribeStep(const JsonObject& step) {
  CHIMERA_ASSIGN_OR_RETURN(const absl::string_view type, Required(step.String(kType), step, kType));
  if (type == "ByteLevel") {
    CHIMERA_ASSIGN_OR_RETURN(const std::optional<bool> prefix, step.Bool("add_prefix_space"));
    if (prefix.value_or(true)) return std::string("ByteLevel, add_prefix_space true");
    CHIMERA_ASSIGN_OR_RETURN(const std::optional<bool> regex, step.Bool("use_regex"));
    return std::string(regex.value_or(true) ? kByteLevel : kByteLevelOnly);
  }
  if (type == "Digits") {
    CHIMERA_ASSIGN_OR_RETURN(const std::optional<bool> single, step.Bool("individual_digits"));
    return std::string(single.value_or(false) ? kDigits : "Digits");
  }
  if (type == "Split") return DescribeSplit(step);
  return std::string(type);
}

absl::StatusOr<std::vector<std::string>> DescribeSteps(const JsonObject& pre_tokenizer) {
  CHIMERA_ASSIGN_OR_RETURN(const absl::string_view type,
                           Required(pre_tokenizer.String(kType), pre_tokenizer, kType));
  std::vector<JsonObject> steps = {pre_tokenizer};
  if (type == "Sequence") {
    CHIMERA_ASSIGN_OR_RETURN(steps, pre_tokenizer.Objects("pretokenizers"));
  }
  std::vector<std::string> descriptions;
  for (const JsonObject& step : steps) {
    CHIMERA_ASSIGN_OR_RETURN(std::string description, DescribeStep(step));
    descriptions.push_back(std::move(description));
  }
  return descriptions;
}

}  // namespace

absl::StatusOr<std::string> ReadPreTokenizerName(const JsonObject& tokenizer) {
  CHIMERA_ASSIGN_OR_RETURN(const JsonObject pre_tokenizer,
                           Required(tokenizer.Object(kPreTokenizer), tokenizer, kPreTokenizer));
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<std::string> steps, DescribeSteps(pre_tokenizer));
  CHIMERA_ASSIGN_OR_RETURN(const JsonObject model,
                           Required(tokenizer.Object("model"), tokenizer, "model"));
  for (const KnownSequence& known : KnownSequences()) {
    if (!std::equal(known.steps.begin(), known.steps.end(), steps.begin(), steps.end())) continue;
    CHIMERA_ASSIGN_OR_RETURN(const std::optional<bool> ignores, model.Bool("ignore_merges"));
    if (ignores.value_or(false) == known.ignores_merges) return std::string(known.name);
    return absl::UnimplementedError(absl::StrCat(
        model.NameOf("ignore_merges"), " is ", ignores.value_or(false) ? "true" : "false",
        ", with the pre-tokenizer of ", known.name, "; supported: the opposite"));
  }
  return absl::UnimplementedError(absl::StrCat(
      tokenizer.NameOf(kPreTokenizer), " is \"", Printable(absl::StrJoin(steps, "; ")),
      "\"; supported: those of smollm (Digits, then ByteLevel), gpt-2 (ByteLevel) and llama-bpe "
      "(LLaMA 3)"));
}

}  // namespace chimera
