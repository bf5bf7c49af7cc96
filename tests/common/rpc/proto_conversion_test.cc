#include "common/rpc/proto_conversion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "tests/testing/status_matchers.h"

namespace chimera {
namespace {

using ::chimera::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr HiddenRowShape kShape = {.n_tapped = 2, .hidden_size = 3};

v1::Tensor ValidTensor() {
  v1::Tensor tensor;
  ToProto(std::vector<uint16_t>{1, 2, 3, 4, 5, 0xabcd, 7, 8, 9, 10, 11, 12}, kShape, &tensor);
  return tensor;
}

TEST(ProtoConversionTest, SamplingParamsSurviveTheRoundTrip) {
  const SamplingParams params = {
      .temperature = 0.7f, .top_k = 40, .min_p = 0.05f, .top_p = 0.95f, .seed = ~uint64_t{0}};
  v1::SamplingParams proto;
  ToProto(params, &proto);
  EXPECT_EQ(FromProto(proto, 1), params);
}

TEST(ProtoConversionTest, AnEmptyMessageIsGreedyWithTheDefaultSeed) {
  const SamplingParams params = FromProto(v1::SamplingParams(), 77);
  EXPECT_EQ(params, (SamplingParams{.seed = 77}));
  EXPECT_TRUE(params.greedy());
  EXPECT_EQ(params.top_p, 1.0f);
}

TEST(ProtoConversionTest, ZeroTopPAndSeedAreNotMistakenForAbsentOnes) {
  v1::SamplingParams proto;
  proto.set_top_p(0);
  proto.set_seed(0);
  EXPECT_EQ(FromProto(proto, 77).top_p, 0.0f);
  EXPECT_EQ(FromProto(proto, 77).seed, 0u);
}

TEST(ProtoConversionTest, FingerprintsSurviveTheRoundTrip) {
  const Fingerprint fingerprint = {.identity = "ab", .weights = "cd"};
  v1::ModelFingerprint proto;
  ToProto(fingerprint, &proto);
  EXPECT_EQ(FromProto(proto), fingerprint);
}

TEST(ProtoConversionTest, HiddenRowsTravelAsLittleEndianBytes) {
  const v1::Tensor tensor = ValidTensor();
  EXPECT_THAT(tensor.shape(), ElementsAre(2, 2, 3));
  EXPECT_EQ(tensor.data().size(), 24u);
  EXPECT_EQ(tensor.data()[10], '\xcd');
  EXPECT_EQ(tensor.data()[11], '\xab');
  CHIMERA_ASSERT_OK_AND_ASSIGN(const std::vector<uint16_t> rows,
                               HiddenRowsFromProto(tensor, kShape));
  EXPECT_THAT(rows, ElementsAre(1, 2, 3, 4, 5, 0xabcd, 7, 8, 9, 10, 11, 12));
}

TEST(ProtoConversionTest, NoRowsAreValid) {
  v1::Tensor tensor;
  ToProto(std::span<const uint16_t>(), kShape, &tensor);
  CHIMERA_ASSERT_OK_AND_ASSIGN(const std::vector<uint16_t> rows,
                               HiddenRowsFromProto(tensor, kShape));
  EXPECT_TRUE(rows.empty());
}

TEST(ProtoConversionTest, RefusesOtherElementTypes) {
  v1::Tensor tensor = ValidTensor();
  tensor.set_dtype(v1::DATA_TYPE_FLOAT32);
  EXPECT_THAT(HiddenRowsFromProto(tensor, kShape),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("dtype")));
}

TEST(ProtoConversionTest, RefusesOtherShapes) {
  for (const std::vector<int64_t>& shape :
       std::vector<std::vector<int64_t>>{{}, {4, 3}, {2, 3, 2}, {-2, 2, 3}, {2, 2, 3, 1}}) {
    v1::Tensor tensor = ValidTensor();
    tensor.mutable_shape()->Assign(shape.begin(), shape.end());
    EXPECT_THAT(HiddenRowsFromProto(tensor, kShape),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("[n_positions, 2, 3]")));
  }
}

TEST(ProtoConversionTest, RefusesDataThatDoesNotFillTheShape) {
  // The last three times 12 bytes a row wrap to 24 and 0 bytes in 64 bits, or are merely absurd.
  for (const int64_t n_positions : {int64_t{1}, int64_t{3}, (int64_t{1} << 62) + 2,
                                    int64_t{1} << 62, std::numeric_limits<int64_t>::max()}) {
    v1::Tensor tensor = ValidTensor();
    tensor.set_shape(0, n_positions);
    EXPECT_THAT(HiddenRowsFromProto(tensor, kShape),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("24 bytes")));
  }
  v1::Tensor tensor = ValidTensor();
  tensor.mutable_data()->pop_back();
  EXPECT_THAT(HiddenRowsFromProto(tensor, kShape),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("23 bytes")));
}

TEST(ProtoConversionTest, TreesSurviveTheRoundTrip) {
  const std::vector<int32_t> token_ids = {5, 6};
  const std::vector<int32_t> parents = {0, 1};
  const std::vector<float> path_probabilities = {0.5f, 0.25f};
  const std::vector<CandidateSource> sources = {CandidateSource::kNgram, CandidateSource::kNetwork};
  v1::TokenTree proto;
  ToProto({.token_ids = token_ids,
           .parents = parents,
           .path_probabilities = path_probabilities,
           .sources = sources},
          &proto);
  const TreeArrays tree = FromProto(proto);
  EXPECT_THAT(tree.token_ids, ElementsAre(5, 6));
  EXPECT_THAT(tree.parents, ElementsAre(0, 1));
  EXPECT_THAT(tree.path_probabilities, ElementsAre(0.5f, 0.25f));
  EXPECT_THAT(proto.sources(),
              ElementsAre(v1::CANDIDATE_SOURCE_NGRAM, v1::CANDIDATE_SOURCE_NETWORK));
  CHIMERA_ASSERT_OK_AND_ASSIGN(const std::vector<CandidateSource> read, SourcesFromProto(proto));
  EXPECT_EQ(read, sources);
}

TEST(ProtoConversionTest, RefusesUnknownSources) {
  for (const int source : {0, 3, -1}) {
    v1::TokenTree proto;
    proto.add_sources(v1::CANDIDATE_SOURCE_NGRAM);
    proto.add_sources(static_cast<v1::CandidateSource>(source));
    EXPECT_THAT(SourcesFromProto(proto),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("node 2 has source")));
  }
}

}  // namespace
}  // namespace chimera
