// Turns the tokens of a reply into text and decides where it ends.

#ifndef CHIMERA_VERIFIER_ENGINE_REPLY_BUILDER_H_
#define CHIMERA_VERIFIER_ENGINE_REPLY_BUILDER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "common/tokenizer/incremental_decoder.h"
#include "verifier/engine/generation_request.h"
#include "verifier/engine/stop_matcher.h"

namespace chimera {

// Takes a reply token by token, so that where it ends does not depend on how many tokens a step
// yields. One thread.
class ReplyBuilder {
 public:
  // `tokenizer` must outlive the builder.
  ReplyBuilder(const Tokenizer* tokenizer, StopConditions stop);

  // Adds a token. Returns why the reply ends with it, if it does; then nothing more may be added.
  std::optional<FinishReason> Append(int32_t token);

  // Text that became certain since the last call.
  std::string TakeText();

  int32_t token_count() const { return token_count_; }

 private:
  bool IsStopToken(int32_t token) const;

  const Tokenizer* tokenizer_;
  const StopConditions stop_;
  IncrementalDecoder decoder_;
  StopMatcher matcher_;
  std::string text_;
  int32_t token_count_ = 0;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_REPLY_BUILDER_H_
