#include "common/rpc/proto_conversion.h"

#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/check.h"

namespace chimera {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors travel in little-endian order");

template <typename T>
std::span<const T> ToSpan(const google::protobuf::RepeatedField<T>& field) {
  return {field.data(), static_cast<size_t>(field.size())};
}

}  // namespace

v1::CandidateSource ToProto(CandidateSource source) {
  switch (source) {
    case CandidateSource::kNetwork:
      return v1::CANDIDATE_SOURCE_NETWORK;
    case CandidateSource::kNgram:
      return v1::CANDIDATE_SOURCE_NGRAM;
  }
  CHIMERA_CHECK(false) << "source " << static_cast<int>(source);
  return v1::CANDIDATE_SOURCE_UNSPECIFIED;
}

void ToProto(const SamplingParams& params, v1::SamplingParams* proto) {
  proto->set_temperature(params.temperature);
  proto->set_top_k(params.top_k);
  proto->set_min_p(params.min_p);
  proto->set_top_p(params.top_p);
  proto->set_seed(params.seed);
}

SamplingParams FromProto(const v1::SamplingParams& proto, uint64_t default_seed) {
  SamplingParams params;
  params.temperature = proto.temperature();
  params.top_k = proto.top_k();
  params.min_p = proto.min_p();
  if (proto.has_top_p()) params.top_p = proto.top_p();
  params.seed = proto.has_seed() ? proto.seed() : default_seed;
  return params;
}

void ToProto(const Fingerprint& fingerprint, v1::ModelFingerprint* proto) {
  proto->set_identity(fingerprint.identity);
  proto->set_weights(fingerprint.weights);
}

Fingerprint FromProto(const v1::ModelFingerprint& proto) {
  return {.identity = proto.identity(), .weights = proto.weights()};
}

void ToProto(std::span<const uint16_t> rows, HiddenRowShape shape, v1::Tensor* proto) {
  const size_t row_elements = static_cast<size_t>(shape.n_tapped * shape.hidden_size);
  CHIMERA_CHECK(row_elements > 0 && rows.size() % row_elements == 0)
      << rows.size() << " elements are not whole rows of " << row_elements;
  proto->set_dtype(v1::DATA_TYPE_BFLOAT16);
  proto->clear_shape();
  proto->add_shape(static_cast<int64_t>(rows.size() / row_elements));
  proto->add_shape(shape.n_tapped);
  proto->add_shape(shape.hidden_size);
  proto->set_data(rows.data(), rows.size_bytes());
}

absl::StatusOr<std::vector<uint16_t>> HiddenRowsFromProto(const v1::Tensor& proto,
                                                          HiddenRowShape shape) {
  if (proto.dtype() != v1::DATA_TYPE_BFLOAT16) {
    return absl::InvalidArgumentError(
        absl::StrCat("hidden states must have dtype BFLOAT16, not ", proto.dtype()));
  }
  if (proto.shape_size() != 3 || proto.shape(0) < 0 || proto.shape(1) != shape.n_tapped ||
      proto.shape(2) != shape.hidden_size) {
    return absl::InvalidArgumentError(
        absl::StrCat("hidden states must have shape [n_positions, ", shape.n_tapped, ", ",
                     shape.hidden_size, "], not [", absl::StrJoin(proto.shape(), ", "), "]"));
  }
  const uint64_t row_bytes =
      static_cast<uint64_t>(shape.n_tapped * shape.hidden_size) * sizeof(uint16_t);
  // Divides, because a product with a length from the wire can overflow.
  const uint64_t rows = row_bytes == 0 ? 0 : proto.data().size() / row_bytes;
  if (rows != static_cast<uint64_t>(proto.shape(0)) || rows * row_bytes != proto.data().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("hidden states of shape [", absl::StrJoin(proto.shape(), ", "),
                     "] do not fill ", proto.data().size(), " bytes"));
  }
  std::vector<uint16_t> elements(proto.data().size() / sizeof(uint16_t));
  if (!elements.empty()) std::memcpy(elements.data(), proto.data().data(), proto.data().size());
  return elements;
}

void ToProto(const TreeArrays& tree, v1::TokenTree* proto) {
  CHIMERA_CHECK(tree.token_ids.size() == tree.parents.size() &&
                tree.token_ids.size() == tree.path_probabilities.size() &&
                tree.token_ids.size() == tree.sources.size())
      << "the arrays of a tree have different lengths";
  proto->mutable_token_ids()->Assign(tree.token_ids.begin(), tree.token_ids.end());
  proto->mutable_parents()->Assign(tree.parents.begin(), tree.parents.end());
  proto->mutable_path_probabilities()->Assign(tree.path_probabilities.begin(),
                                              tree.path_probabilities.end());
  proto->clear_sources();
  for (const CandidateSource source : tree.sources) proto->add_sources(ToProto(source));
}

TreeArrays FromProto(const v1::TokenTree& proto) {
  return {.token_ids = ToSpan(proto.token_ids()),
          .parents = ToSpan(proto.parents()),
          .path_probabilities = ToSpan(proto.path_probabilities()),
          .sources = {}};
}

absl::StatusOr<std::vector<CandidateSource>> SourcesFromProto(const v1::TokenTree& proto) {
  std::vector<CandidateSource> sources;
  sources.reserve(proto.sources_size());
  for (int i = 0; i < proto.sources_size(); ++i) {
    switch (proto.sources(i)) {
      case v1::CANDIDATE_SOURCE_NETWORK:
        sources.push_back(CandidateSource::kNetwork);
        break;
      case v1::CANDIDATE_SOURCE_NGRAM:
        sources.push_back(CandidateSource::kNgram);
        break;
      default:
        return absl::InvalidArgumentError(absl::StrCat("tree node ", i + 1, " has source ",
                                                       static_cast<int>(proto.sources(i)),
                                                       ", must be one that the protocol knows"));
    }
  }
  return sources;
}

}  // namespace chimera
