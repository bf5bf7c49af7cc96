// Text to token ids and back.

#ifndef CHIMERA_COMMON_TOKENIZER_TOKENIZER_H_
#define CHIMERA_COMMON_TOKENIZER_TOKENIZER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/model/vocabulary.h"

namespace chimera {

// Whether texts such as "<|im_end|>" in the input become the special token they name.
enum class SpecialTokens { kParse, kAsText };

// Immutable after creation; every method may be called from any thread.
class Tokenizer {
 public:
  // Builds the tokenizer a vocabulary asks for. `vocabulary` is copied as far as needed.
  // UNIMPLEMENTED, naming it and listing what is supported, for an unknown tokenizer model or
  // pre-tokenizer; INVALID_ARGUMENT where merges contradict the tokens.
  static absl::StatusOr<std::unique_ptr<Tokenizer>> Create(const Vocabulary& vocabulary);

  virtual ~Tokenizer() = default;

  // Longest text that Encode takes, in bytes: far beyond any context, and it bounds the working
  // memory (some 40 bytes for a byte of text).
  static constexpr size_t kMaxTextBytes = size_t{64} << 20;

  // Ids of `text`. Any bytes are accepted; those that are not UTF-8 are encoded byte by byte, so
  // that decoding returns them (but see ByteLevelBpe on bytes that have no token).
  // RESOURCE_EXHAUSTED for a text over kMaxTextBytes or if the pre-tokenizer's match limit is hit.
  virtual absl::StatusOr<std::vector<int32_t>> Encode(absl::string_view text,
                                                      SpecialTokens special_tokens) const = 0;

  // Bytes of one token, which need not be whole characters. Control tokens give their text,
  // "<|im_end|>". REQUIRES: 0 <= token < vocab_size().
  virtual absl::string_view TokenBytes(int32_t token) const = 0;

  // True for tokens such as "<|im_end|>", which detokenisation of a reply leaves out.
  virtual bool IsControl(int32_t token) const = 0;

  virtual int32_t vocab_size() const = 0;
  virtual int32_t eos_id() const = 0;  // -1 if there is none

  // Concatenated bytes of `tokens`. INVALID_ARGUMENT, naming the index, for an id out of range.
  absl::StatusOr<std::string> Decode(std::span<const int32_t> tokens) const;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_TOKENIZER_TOKENIZER_H_
