// The drafter's side of the conversation that drafter_service.proto specifies, without the
// transport.

#ifndef CHIMERA_DRAFTER_DRAFT_CONVERSATION_H_
#define CHIMERA_DRAFTER_DRAFT_CONVERSATION_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chimera/v1/drafter_service.pb.h"
#include "common/model/target_info.h"
#include "drafter/draft_model.h"
#include "drafter/session_table.h"

namespace chimera {

// One stream. The verifier is not trusted: whatever it sends is answered or gives an error. Drafter
// thread only; the arguments of the constructor must outlive it.
class DraftConversation {
 public:
  // Sequences that one StepRequest may name.
  static constexpr int kMaxSequencesPerStep = 4096;

  // What is to be done about a message.
  enum class Action {
    kSendReady,  // send WriteReady
    kDraft,      // give inputs() to the model, then send WriteReply
    kNothing,
  };

  DraftConversation(const TargetInfo* target, DraftModel* model, SequenceCapacity* capacity);

  // Takes in a message, which must stay as it is until WriteReply if there is to be one. An error
  // ends the stream; its message names the field.
  absl::StatusOr<Action> Receive(const v1::DraftRequest& request);

  void WriteReady(v1::DraftResponse* response) const;

  // The news of the StepRequest received last, for the model.
  std::span<const DraftInput> inputs() const { return inputs_; }

  // Answers the StepRequest received last. `trees`: one per input.
  void WriteReply(std::span<const ProposedTree> trees, v1::DraftResponse* response) const;

 private:
  // A draft that is due.
  struct PendingDraft {
    int64_t sequence_id = 0;
    int32_t epoch = 0;
    SessionTable::Admission admission;
    size_t input = 0;  // index into inputs_, if admitted
  };

  absl::Status ReceiveHello(const v1::Hello& hello);
  absl::Status ReceiveStep(const v1::StepRequest& step);
  absl::Status ReceivePrices(const v1::StepRequest& step);
  absl::Status ReceiveUpdate(const v1::SequenceUpdate& update, const std::string& path);

  const TargetInfo& target_;
  const DraftModelInfo& model_info_;
  const SequenceCapacity& capacity_;
  const SequenceLimits limits_;
  SessionTable sessions_;
  bool greeted_ = false;  // Hello was accepted
  int64_t step_ = 0;      // of the StepRequest received last

  // Of the StepRequest received last.
  DraftPrices prices_;
  std::vector<SequenceNews> news_;
  std::vector<DraftInput> inputs_;
  std::vector<PendingDraft> drafts_;
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_DRAFT_CONVERSATION_H_
