#include "common/tokenizer/pre_tokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/model/printable.h"

namespace chimera {
namespace {

// White space is spelled \p{White_Space} because PCRE2's \s also holds U+180E, which has not been
// white space since Unicode 6.3.
#define SPACE "\\p{White_Space}"
#define OTHER "[^" SPACE "\\p{L}\\p{N}]"

struct KnownPattern {
  absl::string_view name;
  const char* pattern;
  bool ignores_merges;
};

constexpr KnownPattern kKnownPatterns[] = {
    // Every numeric character is first cut out, then the GPT-2 pattern splits what lies between.
    // In one pass: a number ends a run of spaces as the end of the text does.
    {"smollm",
     "\\p{N}|'(?:s|t|re|ve|m|ll|d)| ?\\p{L}+| ?" OTHER "+|" SPACE "+(?![^" SPACE "\\p{N}])|" SPACE
     "+",
     false},
    {"gpt-2",
     "'(?:s|t|re|ve|m|ll|d)| ?\\p{L}+| ?\\p{N}+| ?" OTHER "+|" SPACE "+(?!\\P{White_Space})|" SPACE
     "+",
     false},
    {"llama-bpe",
     "(?i:'(?:s|t|re|ve|m|ll|d))|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?" OTHER
     "+[\\r\\n]*|" SPACE "*[\\r\\n]+|" SPACE "+(?!\\P{White_Space})|" SPACE "+",
     true},
};

#undef SPACE
#undef OTHER

struct FreeMatch {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

std::string SupportedPreTokenizers() {
  std::string names;
  for (const KnownPattern& known : kKnownPatterns) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", known.name);
  }
  return names;
}

pcre2_code* Compile(const char* pattern) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern), PCRE2_ZERO_TERMINATED,
                    PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &error, &offset, nullptr);
  CHIMERA_CHECK(code != nullptr) << "PCRE2 error " << error << " at " << offset << " in "
                                 << pattern;
  // Where the system forbids executable memory, PCRE2 goes on without: slower, with equal results.
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
  return code;
}

absl::Status MatchError(int error, size_t offset) {
  PCRE2_UCHAR message[128];
  pcre2_get_error_message(error, message, sizeof(message));
  return absl::ResourceExhaustedError(absl::StrCat("pre-tokenizer gave up at byte ", offset, ": ",
                                                   reinterpret_cast<const char*>(message)));
}

}  // namespace

void PreTokenizer::FreeCode::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }

absl::StatusOr<PreTokenizer> PreTokenizer::Create(absl::string_view name,
                                                  const PreTokenizerLimits& limits) {
  for (const KnownPattern& known : kKnownPatterns) {
    if (known.name == name) {
      return PreTokenizer(Compile(known.pattern), limits, known.ignores_merges);
    }
  }
  return absl::UnimplementedError(
      absl::StrCat("pre-tokenizer \"", Printable(name),
                   "\" is not supported; supported: ", SupportedPreTokenizers()));
}

absl::Status PreTokenizer::Split(absl::string_view text,
                                 absl::FunctionRef<void(absl::string_view)> on_word) const {
  const std::unique_ptr<pcre2_match_data, FreeMatch> match(pcre2_match_data_create(1, nullptr));
  const std::unique_ptr<pcre2_match_context, FreeMatch> context(
      pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(context.get(), limits_.match_limit);
  const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  const PCRE2_SIZE* const span = pcre2_get_ovector_pointer(match.get());
  for (size_t begin = 0; begin < text.size(); begin = span[1]) {
    const int result = pcre2_match(code_.get(), subject, text.size(), begin, PCRE2_NO_UTF_CHECK,
                                   match.get(), context.get());
    if (result < 0 && result != PCRE2_ERROR_NOMATCH) return MatchError(result, begin);
    // Every pattern has an alternative for every character.
    CHIMERA_CHECK(result == 1 && span[0] == begin && span[1] > begin) << "result " << result;
    on_word(text.substr(begin, span[1] - begin));
  }
  return absl::OkStatus();
}

}  // namespace chimera
