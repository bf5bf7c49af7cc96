// Between our own types and those of proto/chimera/v1.

#ifndef CHIMERA_COMMON_RPC_PROTO_CONVERSION_H_
#define CHIMERA_COMMON_RPC_PROTO_CONVERSION_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chimera/v1/model_fingerprint.pb.h"
#include "chimera/v1/sampling.pb.h"
#include "chimera/v1/tensor.pb.h"
#include "chimera/v1/token_tree.pb.h"
#include "common/model/fingerprint.h"
#include "common/sampling/sampling_params.h"
#include "common/tree/candidate_source.h"

namespace chimera {

// Version of the protocol between verifier and drafter (Hello.protocol_version).
inline constexpr int32_t kDraftProtocolVersion = 1;

// Always sets top_p and seed.
void ToProto(const SamplingParams& params, v1::SamplingParams* proto);

// Takes what the message says, its defaults included; `default_seed` where it has no seed. The
// result is not validated: see ValidateSamplingParams.
SamplingParams FromProto(const v1::SamplingParams& proto, uint64_t default_seed);

void ToProto(const Fingerprint& fingerprint, v1::ModelFingerprint* proto);
Fingerprint FromProto(const v1::ModelFingerprint& proto);

// Rows of hidden states. Shape of a row: [n_tapped, hidden_size].
struct HiddenRowShape {
  int64_t n_tapped = 0;
  int64_t hidden_size = 0;
};

// Writes bf16 rows, [n_positions, n_tapped, hidden_size], as a tensor. REQUIRES: `rows` is a whole
// number of rows, and the row is not empty.
void ToProto(std::span<const uint16_t> rows, HiddenRowShape shape, v1::Tensor* proto);

// Reads bf16 rows, [n_positions, n_tapped, hidden_size]. INVALID_ARGUMENT says which of type, shape
// and length is not as it must be. Copies.
absl::StatusOr<std::vector<uint16_t>> HiddenRowsFromProto(const v1::Tensor& proto,
                                                          HiddenRowShape shape);

v1::CandidateSource ToProto(CandidateSource source);

// A draft as parallel arrays of equal length, root left out, numbered as in v1::TokenTree.
struct TreeArrays {
  std::span<const int32_t> token_ids;
  std::span<const int32_t> parents;
  std::span<const float> path_probabilities;
  std::span<const CandidateSource> sources;
};

// REQUIRES: the arrays have the same length.
void ToProto(const TreeArrays& tree, v1::TokenTree* proto);

// The arrays of a message but for its sources, valid as long as it is, as received: not validated.
TreeArrays FromProto(const v1::TokenTree& proto);

// The sources of a message, however many they are. INVALID_ARGUMENT, naming the node, if one is
// none that the protocol knows.
absl::StatusOr<std::vector<CandidateSource>> SourcesFromProto(const v1::TokenTree& proto);

}  // namespace chimera

#endif  // CHIMERA_COMMON_RPC_PROTO_CONVERSION_H_
