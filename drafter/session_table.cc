#include "drafter/session_table.h"

#include <utility>

#include "common/base/status_macros.h"

namespace chimera {

SessionTable::~SessionTable() {
  for (size_t i = 0; i < sessions_.size(); ++i) capacity_->Release();
}

absl::StatusOr<SessionTable::Admission> SessionTable::Admit(const SequenceNews& news,
                                                            const std::string& path) {
  auto found = sessions_.find(news.sequence_id);
  if (found == sessions_.end()) {
    // A full table also answers so to the rest of a long context whose beginning it refused.
    if (capacity_->full()) return Admission{.outcome = v1::DRAFT_OUTCOME_OVERLOADED};
    if (!news.sampling.has_value()) {
      return Admission{.outcome = v1::DRAFT_OUTCOME_UNKNOWN_SEQUENCE};
    }
    CHIMERA_ASSIGN_OR_RETURN(SequenceSession session, SequenceSession::Start(model_, news, path));
    found = sessions_.emplace(news.sequence_id, std::move(session)).first;
    capacity_->Acquire();
  }
  CHIMERA_RETURN_IF_ERROR(found->second.Accept(news, path));
  return Admission{.outcome = v1::DRAFT_OUTCOME_DRAFTED, .session = &found->second};
}

void SessionTable::Close(int64_t sequence_id) {
  if (sessions_.erase(sequence_id) > 0) capacity_->Release();
}

}  // namespace chimera
