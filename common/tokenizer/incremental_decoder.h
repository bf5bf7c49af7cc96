// Turns a stream of tokens into text without ever cutting a UTF-8 character in two.

#ifndef CHIMERA_COMMON_TOKENIZER_INCREMENTAL_DECODER_H_
#define CHIMERA_COMMON_TOKENIZER_INCREMENTAL_DECODER_H_

#include <cstdint>
#include <string>

#include "common/tokenizer/tokenizer.h"

namespace chimera {

// Holds back the bytes of a character until it is complete. Bytes that can never become one are
// replaced by U+FFFD, one per maximal invalid subsequence (Unicode 15, section 3.9), so that the
// text is valid UTF-8 whatever the tokens. One thread.
class IncrementalDecoder {
 public:
  // `tokenizer` must outlive the decoder.
  explicit IncrementalDecoder(const Tokenizer* tokenizer) : tokenizer_(tokenizer) {}

  // Returns the text that `token` completes, possibly empty. Control tokens add no text.
  std::string Append(int32_t token);

  // Ends the stream: returns U+FFFD if an unfinished character is held back, else nothing.
  std::string Finish();

 private:
  const Tokenizer* tokenizer_;
  std::string pending_;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_TOKENIZER_INCREMENTAL_DECODER_H_
