#include "drafter/sequence_session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace chimera {

absl::StatusOr<SequenceSession> SequenceSession::Start(DraftModel* model, const SequenceNews& first,
                                                       const std::string& path) {
  if (!first.sampling.has_value()) {
    return ProtocolViolation(path + ".sampling", "is missing in the first update of an epoch");
  }
  if (first.token_ids.empty()) {
    return ProtocolViolation(path + ".token_ids", "is empty in the first update of an epoch");
  }
  return SequenceSession(model, first);
}

SequenceSession::SequenceSession(DraftModel* model, const SequenceNews& first)
    : model_(model),
      epoch_(first.epoch),
      sampling_(*first.sampling),
      next_position_(first.start_position),
      next_hidden_position_(first.start_position),
      state_(model->NewState(first.start_position, *first.sampling)) {}

absl::Status SequenceSession::Accept(const SequenceNews& news, const std::string& path) {
  if (news.epoch < epoch_) {
    return ProtocolViolation(path + ".epoch",
                             absl::StrCat("is ", news.epoch, " after ", epoch_, ", must not fall"));
  }
  if (news.epoch > epoch_) {
    CHIMERA_ASSIGN_OR_RETURN(*this, Start(model_, news, path));
  }
  if (news.start_position != next_position_) {
    return ProtocolViolation(path + ".start_position", absl::StrCat("is ", news.start_position,
                                                                    ", must be ", next_position_));
  }
  if (news.sampling.has_value() && *news.sampling != sampling_) {
    return ProtocolViolation(path + ".sampling", "differs from that of the epoch's first update");
  }
  if (news.hidden_row_count > 0) {
    if (news.hidden_start_position < next_hidden_position_) {
      return ProtocolViolation(path + ".hidden_start_position",
                               absl::StrCat("is ", news.hidden_start_position,
                                            ", must be at least ", next_hidden_position_));
    }
    next_hidden_position_ = news.hidden_start_position + news.hidden_row_count;
  }
  next_position_ = news.end_position();
  return absl::OkStatus();
}

DraftInput SequenceSession::MakeInput(const SequenceNews& news) const {
  return {.state = state_.get(),
          .token_ids = news.token_ids,
          .hidden_states = news.hidden_states,
          .hidden_start_position = news.hidden_start_position,
          .node_budget = news.node_budget,
          .max_depth = news.max_depth};
}

}  // namespace chimera
