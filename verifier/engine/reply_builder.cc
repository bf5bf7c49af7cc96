#include "verifier/engine/reply_builder.h"

#include <algorithm>
#include <utility>

namespace chimera {

ReplyBuilder::ReplyBuilder(const Tokenizer* tokenizer, StopConditions stop)
    : tokenizer_(tokenizer),
      stop_(std::move(stop)),
      decoder_(tokenizer),
      matcher_(stop_.stop_strings) {}

std::optional<FinishReason> ReplyBuilder::Append(int32_t token) {
  ++token_count_;
  std::optional<FinishReason> reason;
  if (IsStopToken(token)) {
    reason = FinishReason::kStop;
  } else {
    text_ += matcher_.Append(decoder_.Append(token));
    if (matcher_.stopped()) {
      reason = FinishReason::kStop;
    } else if (token_count_ == stop_.max_tokens) {
      reason = FinishReason::kLength;
    }
  }
  if (reason.has_value()) {
    text_ += matcher_.Append(decoder_.Finish());
    text_ += matcher_.Finish();
  }
  return reason;
}

std::string ReplyBuilder::TakeText() { return std::exchange(text_, std::string()); }

bool ReplyBuilder::IsStopToken(int32_t token) const {
  if (token == tokenizer_->eos_id() && !stop_.ignore_eos) return true;
  return std::find(stop_.stop_token_ids.begin(), stop_.stop_token_ids.end(), token) !=
         stop_.stop_token_ids.end();
}

}  // namespace chimera
