// Splits text into the words that byte-level BPE works on: no token crosses a word's end.

#ifndef CHIMERA_COMMON_TOKENIZER_PRE_TOKENIZER_H_
#define CHIMERA_COMMON_TOKENIZER_PRE_TOKENIZER_H_

#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct pcre2_real_code_8;

namespace chimera {

struct PreTokenizerLimits {
  // Steps PCRE2 may spend on finding the end of one word. The patterns need a few for each byte of
  // the word, so that this is enough for the longest text a tokenizer takes.
  uint32_t match_limit = uint32_t{256} << 20;
};

// A compiled regular expression. Immutable; any thread may call Split, also at the same time.
//
// Character classes are those of Unicode 14, which PCRE2 10.42 knows; characters assigned later are
// neither letters nor numbers here.
class PreTokenizer {
 public:
  // `name` as in tokenizer.ggml.pre. UNIMPLEMENTED, listing what is supported, if it is not known.
  static absl::StatusOr<PreTokenizer> Create(absl::string_view name,
                                             const PreTokenizerLimits& limits = {});

  // Calls `on_word` for every word of `text` in order; their concatenation is `text`.
  // RESOURCE_EXHAUSTED if the match limit is hit; words may have been reported by then.
  // REQUIRES: `text` is well-formed UTF-8.
  absl::Status Split(absl::string_view text,
                     absl::FunctionRef<void(absl::string_view)> on_word) const;

  // Whether a word that is a token as a whole becomes that token even if no merges lead to it.
  bool ignores_merges() const { return ignores_merges_; }

 private:
  struct FreeCode {
    void operator()(pcre2_real_code_8* code) const;
  };

  PreTokenizer(pcre2_real_code_8* code, PreTokenizerLimits limits, bool ignores_merges)
      : code_(code), limits_(limits), ignores_merges_(ignores_merges) {}

  std::unique_ptr<pcre2_real_code_8, FreeCode> code_;
  PreTokenizerLimits limits_;
  bool ignores_merges_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_TOKENIZER_PRE_TOKENIZER_H_
