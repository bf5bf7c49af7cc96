#include "tests/verifier/drafter_client/scripted_drafter.h"

#include <utility>

#include "common/base/check.h"

namespace chimera::testing {

TargetInfo TestTarget() {
  return {.fingerprint = {.identity = "model", .weights = "weights"},
          .hidden_size = 4,
          .layer_count = 8,
          .vocab_size = 100};
}

v1::DraftResponse ValidReady() {
  v1::DraftResponse response;
  v1::Ready* const ready = response.mutable_ready();
  ready->set_name("scripted");
  ToProto(TestTarget().fingerprint, ready->mutable_fingerprint());
  ready->set_dtype(v1::DATA_TYPE_BFLOAT16);
  ready->set_context_window(128);
  ready->set_max_sequences(16);
  ready->set_max_nodes(32);
  return response;
}

v1::DraftResponse ReplyTo(const v1::StepRequest& step) {
  v1::DraftResponse response;
  v1::StepReply* const reply = response.mutable_reply();
  reply->set_step(step.step());
  for (const v1::SequenceUpdate& update : step.sequences()) {
    if (update.node_budget() == 0) continue;
    v1::SequenceDraft* const draft = reply->add_drafts();
    draft->set_sequence_id(update.sequence_id());
    draft->set_epoch(update.epoch());
    draft->set_root_position(update.start_position() + update.token_ids_size() - 1);
    draft->set_outcome(v1::DRAFT_OUTCOME_DRAFTED);
    draft->mutable_tree()->add_token_ids(7);
    draft->mutable_tree()->add_parents(0);
    draft->mutable_tree()->add_path_probabilities(0.5f);
    draft->mutable_tree()->add_sources(v1::CANDIDATE_SOURCE_NETWORK);
  }
  return response;
}

grpc::Status AnswerSteps(DraftStream& stream) {
  v1::DraftRequest request;
  while (stream.Read(&request)) {
    if (request.has_step() && !stream.Write(ReplyTo(request.step()))) break;
  }
  return grpc::Status::OK;
}

grpc::Status ReadOn(DraftStream& stream) {
  v1::DraftRequest request;
  while (stream.Read(&request)) {
  }
  return grpc::Status::OK;
}

Script AfterHandshake(v1::DraftResponse ready, Script rest) {
  return [ready = std::move(ready), rest = std::move(rest)](DraftStream& stream) {
    v1::DraftRequest hello;
    if (!stream.Read(&hello) || !stream.Write(ready)) return grpc::Status::OK;
    return rest(stream);
  };
}

ScriptedDrafter::ScriptedDrafter(const Address& address, Script script)
    : runner_({.listen_addresses = {address}}) {
  service_.script = std::move(script);
  runner_.AddService(&service_, v1::DrafterService::service_full_name());
  const absl::Status status = runner_.Start();
  CHIMERA_CHECK(status.ok()) << status;
}

}  // namespace chimera::testing
