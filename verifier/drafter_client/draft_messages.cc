#include "verifier/drafter_client/draft_messages.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/tree/token_tree.h"

namespace chimera {
namespace {

constexpr int32_t kMaxDraftNodes = TokenTree::kMaxNodes - 1;  // the root is not drafted

std::string Cut(const std::string& peer_name) { return peer_name.substr(0, kMaxPeerNameBytes); }

absl::Status CheckFingerprint(const v1::ModelFingerprint& proto, const Fingerprint& target,
                              OtherWeights other_weights) {
  if (proto.identity() != target.identity) {
    return absl::FailedPreconditionError(absl::StrCat("made for another model: identity ",
                                                      Cut(proto.identity()), ", served is ",
                                                      target.identity));
  }
  if (proto.weights() != target.weights && other_weights == OtherWeights::kRefuse) {
    return absl::FailedPreconditionError(absl::StrCat(
        "made for other weights of this model: ", Cut(proto.weights()), ", served are ",
        target.weights, "; --allow_other_weights accepts another quantisation"));
  }
  return absl::OkStatus();
}

absl::Status CheckTappedLayers(const v1::Ready& ready, const TargetInfo& target) {
  if (ready.tapped_layers_size() > kMaxTappedLayers) {
    return absl::FailedPreconditionError(absl::StrCat(
        "taps ", ready.tapped_layers_size(), " layers, may tap at most ", kMaxTappedLayers));
  }
  if (!CanTapLayers({ready.tapped_layers().data(), static_cast<size_t>(ready.tapped_layers_size())},
                    target.layer_count)) {
    return absl::FailedPreconditionError(
        absl::StrCat("tapped layers [", absl::StrJoin(ready.tapped_layers(), ", "),
                     "] do not ascend within [0, ", target.layer_count, "]"));
  }
  const int64_t row_bytes =
      int64_t{ready.tapped_layers_size()} * target.hidden_size * int64_t{sizeof(uint16_t)};
  if (row_bytes > kMaxHiddenRowBytes) {
    return absl::FailedPreconditionError(
        absl::StrCat("its tapped layers have ", row_bytes,
                     " bytes of hidden states per position, may have ", kMaxHiddenRowBytes));
  }
  return absl::OkStatus();
}

absl::Status CheckPositive(absl::string_view field, int32_t value) {
  if (value > 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(field, " is ", value, ", must be positive"));
}

void WriteUpdate(const DraftUpdate& update, HiddenRowShape shape, v1::SequenceUpdate* proto) {
  proto->set_sequence_id(update.sequence_id);
  proto->set_epoch(update.epoch);
  proto->set_start_position(update.start_position);
  proto->mutable_token_ids()->Assign(update.token_ids.begin(), update.token_ids.end());
  if (shape.n_tapped > 0 && !update.hidden_states.empty()) {
    proto->set_hidden_start_position(update.hidden_start_position);
    ToProto(update.hidden_states, shape, proto->mutable_hidden_states());
  }
  if (update.sampling.has_value()) ToProto(*update.sampling, proto->mutable_sampling());
  proto->set_node_budget(update.node_budget);
  proto->set_max_depth(update.max_depth);
}

DraftOutcome ReadOutcome(const v1::SequenceDraft& proto) {
  const v1::TokenTree& tree = proto.tree();
  const int size = std::max({tree.token_ids_size(), tree.parents_size(),
                             tree.path_probabilities_size(), tree.sources_size()});
  if (size > kMaxDraftNodes) return DraftOutcome::kMalformed;
  switch (proto.outcome()) {
    case v1::DRAFT_OUTCOME_DRAFTED:
      return DraftOutcome::kDrafted;
    case v1::DRAFT_OUTCOME_UNKNOWN_SEQUENCE:
      return DraftOutcome::kUnknownSequence;
    case v1::DRAFT_OUTCOME_OVERLOADED:
      return DraftOutcome::kOverloaded;
    default:
      return DraftOutcome::kMalformed;
  }
}

Draft ReadDraft(const v1::SequenceDraft& proto) {
  Draft draft = {.sequence_id = proto.sequence_id(),
                 .epoch = proto.epoch(),
                 .root_position = proto.root_position(),
                 .outcome = ReadOutcome(proto)};
  if (draft.outcome != DraftOutcome::kDrafted) return draft;
  absl::StatusOr<std::vector<CandidateSource>> sources = SourcesFromProto(proto.tree());
  if (!sources.ok()) {
    draft.outcome = DraftOutcome::kMalformed;
    return draft;
  }
  draft.sources = *std::move(sources);
  const TreeArrays tree = FromProto(proto.tree());
  draft.token_ids.assign(tree.token_ids.begin(), tree.token_ids.end());
  draft.parents.assign(tree.parents.begin(), tree.parents.end());
  draft.path_probabilities.assign(tree.path_probabilities.begin(), tree.path_probabilities.end());
  return draft;
}

}  // namespace

void WriteHello(const TargetInfo& target, v1::Hello* hello) {
  hello->set_protocol_version(kDraftProtocolVersion);
  ToProto(target.fingerprint, hello->mutable_fingerprint());
  hello->set_hidden_size(target.hidden_size);
  hello->set_layer_count(target.layer_count);
  hello->set_vocab_size(target.vocab_size);
}

absl::Status CheckReady(const v1::Ready& ready, const TargetInfo& target,
                        OtherWeights other_weights) {
  CHIMERA_RETURN_IF_ERROR(CheckFingerprint(ready.fingerprint(), target.fingerprint, other_weights));
  CHIMERA_RETURN_IF_ERROR(CheckTappedLayers(ready, target));
  if (ready.dtype() != v1::DATA_TYPE_BFLOAT16) {
    return absl::FailedPreconditionError(
        absl::StrCat("wants hidden states of dtype ", ready.dtype(), ", only BFLOAT16 is sent"));
  }
  CHIMERA_RETURN_IF_ERROR(CheckPositive("context_window", ready.context_window()));
  CHIMERA_RETURN_IF_ERROR(CheckPositive("max_sequences", ready.max_sequences()));
  if (ready.max_nodes() < 1 || ready.max_nodes() > kMaxDraftNodes) {
    return absl::FailedPreconditionError(
        absl::StrCat("max_nodes is ", ready.max_nodes(), ", must be in [1, ", kMaxDraftNodes, "]"));
  }
  return absl::OkStatus();
}

DraftSession ReadReady(const v1::Ready& ready, int64_t session_id) {
  return {.id = session_id,
          .tapped_layers = {ready.tapped_layers().begin(), ready.tapped_layers().end()},
          .context_window = ready.context_window(),
          .max_sequences = ready.max_sequences(),
          .max_nodes = ready.max_nodes()};
}

size_t CountDraftsAskedFor(std::span<const DraftUpdate> updates) {
  return static_cast<size_t>(std::ranges::count_if(
      updates, [](const DraftUpdate& update) { return update.node_budget > 0; }));
}

void WriteStep(std::span<const DraftUpdate> updates, const DraftPrices& prices,
               HiddenRowShape shape, v1::StepRequest* step) {
  step->set_token_seconds(prices.token_seconds);
  step->set_node_seconds(prices.node_seconds);
  for (const DraftUpdate& update : updates) WriteUpdate(update, shape, step->add_sequences());
}

std::vector<Draft> ReadReply(const v1::StepReply& reply) {
  std::vector<Draft> drafts;
  drafts.reserve(reply.drafts_size());
  for (const v1::SequenceDraft& proto : reply.drafts()) drafts.push_back(ReadDraft(proto));
  return drafts;
}

}  // namespace chimera
