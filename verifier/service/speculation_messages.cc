#include "verifier/service/speculation_messages.h"

#include "common/rpc/proto_conversion.h"

namespace chimera {
namespace {

void ToProto(const CandidateCount& count, v1::CandidateCount* proto) {
  proto->set_verified(count.verified);
  proto->set_accepted(count.accepted);
}

void ToProto(const CandidateCounts& counts, v1::CandidateCounts* proto) {
  for (const CandidateCount& count : counts.by_depth) {
    if (count.verified == 0) break;
    ToProto(count, proto->add_by_depth());
  }
  for (int i = 0; i < kCandidateSourceCount; ++i) {
    if (counts.by_source[i].verified == 0) continue;
    v1::SourceCount* const source = proto->add_by_source();
    source->set_source(chimera::ToProto(static_cast<CandidateSource>(i)));
    ToProto(counts.by_source[i], source->mutable_count());
  }
}

}  // namespace

void ToProto(const GenerationResult& result, v1::SpeculationStats* proto) {
  proto->set_steps(result.steps);
  proto->set_draft_nodes(result.draft_nodes);
  proto->set_accepted_draft_tokens(result.accepted_draft_tokens);
  ToProto(result.candidates, proto->mutable_candidates());
}

void ToProto(const SpeculationStatus& status, v1::SpeculationInfo* proto) {
  proto->set_drafting(status.drafting);
  proto->set_gain(status.gain);
  proto->set_token_seconds(status.prices.token_seconds);
  proto->set_node_seconds(status.prices.node_seconds);
  ToProto(status.candidates, proto->mutable_candidates());
}

}  // namespace chimera
