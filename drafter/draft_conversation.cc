#include "drafter/draft_conversation.h"

#include <cmath>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/rpc/proto_conversion.h"
#include "common/rpc/status_conversion.h"

namespace chimera {
namespace {

absl::Status Refuse(v1::ErrorReason reason, absl::string_view field, absl::string_view message) {
  return ErrorWithReason(absl::StatusCode::kFailedPrecondition, reason, field,
                         absl::StrCat(field, " ", message));
}

absl::Status CheckSeconds(absl::string_view field, float value) {
  if (std::isfinite(value) && value >= 0) return absl::OkStatus();
  return ProtocolViolation(field, absl::StrCat("is ", value, ", must be finite and not negative"));
}

// Models of one identity have one configuration, so these differ only if the verifier is mistaken.
absl::Status CheckDimension(absl::string_view field, int32_t value, int32_t expected) {
  if (value == expected) return absl::OkStatus();
  return Refuse(v1::ERROR_REASON_FINGERPRINT_MISMATCH, field,
                absl::StrCat("is ", value, ", the drafter's target has ", expected));
}

}  // namespace

DraftConversation::DraftConversation(const TargetInfo* target, DraftModel* model,
                                     SequenceCapacity* capacity)
    : target_(*target),
      model_info_(model->info()),
      capacity_(*capacity),
      limits_{.vocab_size = target->vocab_size,
              .context_length = target->context_length,
              .row_shape = {.n_tapped = static_cast<int64_t>(model->info().tapped_layers.size()),
                            .hidden_size = target->hidden_size}},
      sessions_(model, capacity) {}

absl::StatusOr<DraftConversation::Action> DraftConversation::Receive(
    const v1::DraftRequest& request) {
  const auto message = request.message_case();
  if (message == v1::DraftRequest::MESSAGE_NOT_SET) {
    return ProtocolViolation("message", "is not set");
  }
  if (greeted_ == (message == v1::DraftRequest::kHello)) {
    return ProtocolViolation("message", greeted_ ? "is a second Hello" : "is not a Hello");
  }
  if (message == v1::DraftRequest::kHello) {
    CHIMERA_RETURN_IF_ERROR(ReceiveHello(request.hello()));
    return Action::kSendReady;
  }
  if (message == v1::DraftRequest::kStep) {
    CHIMERA_RETURN_IF_ERROR(ReceiveStep(request.step()));
    return Action::kDraft;
  }
  for (const int64_t id : request.close().sequence_ids()) sessions_.Close(id);
  return Action::kNothing;
}

absl::Status DraftConversation::ReceiveHello(const v1::Hello& hello) {
  if (hello.protocol_version() != kDraftProtocolVersion) {
    return Refuse(v1::ERROR_REASON_PROTOCOL_MISMATCH, "hello.protocol_version",
                  absl::StrCat("is ", hello.protocol_version(), ", the drafter speaks ",
                               kDraftProtocolVersion));
  }
  if (hello.fingerprint().identity() != target_.fingerprint.identity) {
    // Printable and short, whatever the peer sent.
    const std::string identity = absl::CHexEscape(
        hello.fingerprint().identity().substr(0, target_.fingerprint.identity.size()));
    return Refuse(v1::ERROR_REASON_FINGERPRINT_MISMATCH, "hello.fingerprint.identity",
                  absl::StrCat("is \"", identity, "\", the drafter's target has \"",
                               target_.fingerprint.identity, "\""));
  }
  CHIMERA_RETURN_IF_ERROR(
      CheckDimension("hello.hidden_size", hello.hidden_size(), target_.hidden_size));
  CHIMERA_RETURN_IF_ERROR(
      CheckDimension("hello.layer_count", hello.layer_count(), target_.layer_count));
  CHIMERA_RETURN_IF_ERROR(
      CheckDimension("hello.vocab_size", hello.vocab_size(), target_.vocab_size));
  greeted_ = true;
  return absl::OkStatus();
}

absl::Status DraftConversation::ReceiveStep(const v1::StepRequest& step) {
  if (step.step() != step_ + 1) {
    return ProtocolViolation("step.step",
                             absl::StrCat("is ", step.step(), ", must be ", step_ + 1));
  }
  if (step.sequences_size() > kMaxSequencesPerStep) {
    return ProtocolViolation(
        "step.sequences",
        absl::StrCat("has ", step.sequences_size(), " entries, may have ", kMaxSequencesPerStep));
  }
  step_ = step.step();
  CHIMERA_RETURN_IF_ERROR(ReceivePrices(step));
  inputs_.clear();
  drafts_.clear();
  news_.clear();
  // Inputs point into it: it must not move.
  news_.reserve(step.sequences_size());
  absl::flat_hash_set<int64_t> ids;
  for (int i = 0; i < step.sequences_size(); ++i) {
    const std::string path = absl::StrCat("step.sequences[", i, "]");
    if (!ids.insert(step.sequences(i).sequence_id()).second) {
      return ProtocolViolation(path + ".sequence_id", "is there twice");
    }
    CHIMERA_RETURN_IF_ERROR(ReceiveUpdate(step.sequences(i), path));
  }
  return absl::OkStatus();
}

absl::Status DraftConversation::ReceivePrices(const v1::StepRequest& step) {
  CHIMERA_RETURN_IF_ERROR(CheckSeconds("step.token_seconds", step.token_seconds()));
  CHIMERA_RETURN_IF_ERROR(CheckSeconds("step.node_seconds", step.node_seconds()));
  prices_ = {.token_seconds = step.token_seconds(), .node_seconds = step.node_seconds()};
  return absl::OkStatus();
}

absl::Status DraftConversation::ReceiveUpdate(const v1::SequenceUpdate& update,
                                              const std::string& path) {
  CHIMERA_ASSIGN_OR_RETURN(SequenceNews parsed, ParseSequenceUpdate(update, limits_, path));
  const SequenceNews& news = news_.emplace_back(std::move(parsed));
  CHIMERA_ASSIGN_OR_RETURN(const SessionTable::Admission admission, sessions_.Admit(news, path));
  if (news.node_budget > 0) {
    drafts_.push_back({.sequence_id = news.sequence_id,
                       .epoch = news.epoch,
                       .admission = admission,
                       .input = inputs_.size()});
  }
  if (admission.session != nullptr) {
    inputs_.push_back(admission.session->MakeInput(news));
    inputs_.back().prices = prices_;
  }
  return absl::OkStatus();
}

void DraftConversation::WriteReady(v1::DraftResponse* response) const {
  response->Clear();
  v1::Ready* const ready = response->mutable_ready();
  ready->set_name(model_info_.name);
  ToProto(model_info_.target.value_or(target_.fingerprint), ready->mutable_fingerprint());
  ready->mutable_tapped_layers()->Assign(model_info_.tapped_layers.begin(),
                                         model_info_.tapped_layers.end());
  ready->set_dtype(v1::DATA_TYPE_BFLOAT16);
  ready->set_context_window(model_info_.context_window);
  ready->set_max_sequences(capacity_.max_sequences());
  ready->set_max_nodes(model_info_.max_nodes);
}

void DraftConversation::WriteReply(std::span<const ProposedTree> trees,
                                   v1::DraftResponse* response) const {
  CHIMERA_CHECK(trees.size() == inputs_.size())
      << trees.size() << " trees for " << inputs_.size() << " inputs";
  response->Clear();
  v1::StepReply* const reply = response->mutable_reply();
  reply->set_step(step_);
  for (const PendingDraft& pending : drafts_) {
    v1::SequenceDraft* const draft = reply->add_drafts();
    draft->set_sequence_id(pending.sequence_id);
    draft->set_epoch(pending.epoch);
    draft->set_outcome(pending.admission.outcome);
    if (pending.admission.session == nullptr) continue;
    draft->set_root_position(pending.admission.session->root_position());
    const ProposedTree& tree = trees[pending.input];
    ToProto(TreeArrays{.token_ids = tree.token_ids,
                       .parents = tree.parents,
                       .path_probabilities = tree.path_probabilities,
                       .sources = tree.sources},
            draft->mutable_tree());
  }
}

}  // namespace chimera
