// What the drafter knows of one sequence of one stream.

#ifndef CHIMERA_DRAFTER_SEQUENCE_SESSION_H_
#define CHIMERA_DRAFTER_SEQUENCE_SESSION_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "drafter/draft_model.h"
#include "drafter/sequence_news.h"

namespace chimera {

// One epoch after the other of a sequence: checks that updates follow each other and keeps the
// model's state. Drafter thread only; the model must outlive it.
class SequenceSession {
 public:
  // Starts at the first update of an epoch, without taking in its tokens: Accept does that.
  // ProtocolViolation below `path` if the update cannot be the first of an epoch.
  static absl::StatusOr<SequenceSession> Start(DraftModel* model, const SequenceNews& first,
                                               const std::string& path);

  // Takes in an update of this epoch or, as by Start, the first of a higher one. ProtocolViolation
  // below `path` if it does not follow what came before; the session is of no use then.
  absl::Status Accept(const SequenceNews& news, const std::string& path);

  // What the model gets of an update that was accepted; valid as long as both are.
  DraftInput MakeInput(const SequenceNews& news) const;

  int32_t epoch() const { return epoch_; }

  // That of the newest token.
  int32_t root_position() const { return next_position_ - 1; }

 private:
  SequenceSession(DraftModel* model, const SequenceNews& first);

  DraftModel* model_;
  int32_t epoch_;
  SamplingParams sampling_;
  int32_t next_position_;         // of the next token
  int32_t next_hidden_position_;  // hidden states below it are not sent any more
  std::unique_ptr<DraftState> state_;
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_SEQUENCE_SESSION_H_
