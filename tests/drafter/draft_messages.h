// Messages of a verifier, for tests of the drafter.

#ifndef CHIMERA_TESTS_DRAFTER_DRAFT_MESSAGES_H_
#define CHIMERA_TESTS_DRAFTER_DRAFT_MESSAGES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "chimera/v1/drafter_service.pb.h"
#include "common/model/target_info.h"
#include "common/rpc/proto_conversion.h"

namespace chimera::testing {

inline TargetInfo TestTarget() {
  return {.fingerprint = {.identity = std::string(64, 'a'), .weights = std::string(64, 'b')},
          .hidden_size = 4,
          .layer_count = 3,
          .vocab_size = 1000,
          .context_length = 4096};
}

inline v1::DraftRequest MakeHello(const TargetInfo& target = TestTarget()) {
  v1::DraftRequest request;
  v1::Hello* const hello = request.mutable_hello();
  hello->set_protocol_version(kDraftProtocolVersion);
  ToProto(target.fingerprint, hello->mutable_fingerprint());
  hello->set_hidden_size(target.hidden_size);
  hello->set_layer_count(target.layer_count);
  hello->set_vocab_size(target.vocab_size);
  return request;
}

// An update that asks for four nodes and carries no sampling.
inline v1::SequenceUpdate MakeUpdate(int64_t id, int32_t epoch, int32_t start_position,
                                     const std::vector<int32_t>& token_ids) {
  v1::SequenceUpdate update;
  update.set_sequence_id(id);
  update.set_epoch(epoch);
  update.set_start_position(start_position);
  update.mutable_token_ids()->Assign(token_ids.begin(), token_ids.end());
  update.set_node_budget(4);
  update.set_max_depth(3);
  return update;
}

// The first update of an epoch.
inline v1::SequenceUpdate MakeFirstUpdate(int64_t id, int32_t epoch, int32_t start_position,
                                          const std::vector<int32_t>& token_ids) {
  v1::SequenceUpdate update = MakeUpdate(id, epoch, start_position, token_ids);
  ToProto(SamplingParams{.temperature = 0.5f, .seed = 7}, update.mutable_sampling());
  return update;
}

// Gives an update `rows` rows of hidden states of `n_tapped` layers from `position` on.
inline void AddHiddenStates(int32_t position, int32_t rows, int32_t n_tapped,
                            v1::SequenceUpdate* update) {
  const HiddenRowShape shape = {.n_tapped = n_tapped, .hidden_size = TestTarget().hidden_size};
  const std::vector<uint16_t> values(rows * shape.n_tapped * shape.hidden_size, 0x3f80);
  update->set_hidden_start_position(position);
  ToProto(values, shape, update->mutable_hidden_states());
}

inline v1::DraftRequest MakeStep(int64_t step, const std::vector<v1::SequenceUpdate>& updates) {
  v1::DraftRequest request;
  request.mutable_step()->set_step(step);
  for (const v1::SequenceUpdate& update : updates)
    *request.mutable_step()->add_sequences() = update;
  return request;
}

inline v1::DraftRequest MakeClose(const std::vector<int64_t>& ids) {
  v1::DraftRequest request;
  request.mutable_close()->mutable_sequence_ids()->Assign(ids.begin(), ids.end());
  return request;
}

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_DRAFTER_DRAFT_MESSAGES_H_
