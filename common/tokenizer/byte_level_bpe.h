// Byte-level BPE (GPT-2 and its descendants).

#ifndef CHIMERA_COMMON_TOKENIZER_BYTE_LEVEL_BPE_H_
#define CHIMERA_COMMON_TOKENIZER_BYTE_LEVEL_BPE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/model/vocabulary.h"
#include "common/tokenizer/bpe_merger.h"
#include "common/tokenizer/pre_tokenizer.h"
#include "common/tokenizer/special_token_matcher.h"
#include "common/tokenizer/tokenizer.h"

namespace chimera {

// Text is cut at special tokens, then into words by the pre-tokenizer; the bytes of a word are
// merged by rank. Time is O(n log n) for any text.
//
// A vocabulary may lack tokens for bytes its training text never held (the default model lacks 15
// that no assigned character needs, and the control characters 04, 06, 13, 14, 16 and 1D). Such a
// byte is left out, as the tokenizers the models were trained with leave it out.
class ByteLevelBpe final : public Tokenizer {
 public:
  // Errors as Tokenizer::Create.
  static absl::StatusOr<std::unique_ptr<ByteLevelBpe>> Create(const Vocabulary& vocabulary);

  absl::StatusOr<std::vector<int32_t>> Encode(absl::string_view text,
                                              SpecialTokens special_tokens) const override;
  absl::string_view TokenBytes(int32_t token) const override;
  bool IsControl(int32_t token) const override;
  int32_t vocab_size() const override { return static_cast<int32_t>(token_bytes_.size()); }
  int32_t eos_id() const override { return eos_id_; }

 private:
  // What one Encode call works with.
  struct Encoding;

  explicit ByteLevelBpe(PreTokenizer pre_tokenizer) : pre_tokenizer_(std::move(pre_tokenizer)) {}

  absl::Status AddTokens(const Vocabulary& vocabulary);
  absl::Status AddMerges(const Vocabulary& vocabulary);
  void AddWholeWords(const Vocabulary& vocabulary);

  absl::Status EncodeText(absl::string_view text, Encoding* encoding) const;
  void EncodeWord(absl::string_view word, Encoding* encoding) const;
  void MergeWord(absl::string_view word, Encoding* encoding) const;

  PreTokenizer pre_tokenizer_;
  SpecialTokenMatcher special_tokens_;
  BpeMerger merger_;
  std::vector<std::string> token_bytes_;  // [vocab_size]
  std::vector<bool> is_control_;          // [vocab_size]
  std::array<int32_t, 256> byte_tokens_;  // -1: the vocabulary has no token for this byte
  // Words that become one token, which merging would only find again. Most words are among them.
  absl::flat_hash_map<absl::string_view, int32_t> whole_words_;  // keys point into token_bytes_
  int32_t bos_id_ = -1;
  int32_t eos_id_ = -1;
  bool add_bos_ = false;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_TOKENIZER_BYTE_LEVEL_BPE_H_
