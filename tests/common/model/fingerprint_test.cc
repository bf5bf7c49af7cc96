#include "common/model/fingerprint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tests/common/model/memory_model.h"
#include "tests/testing/gguf_writer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_llama.h"

namespace chimera {
namespace {

using ::chimera::testing::BuildTinyLlama;
using ::chimera::testing::FileBytes;
using ::chimera::testing::FingerprintOf;
using ::chimera::testing::GgufWriter;
using ::chimera::testing::ReadMemoryModel;
using ::testing::MatchesRegex;

// What an identity is made of.
struct Identity {
  LlamaConfig config = {.layer_count = 2,
                        .hidden_size = 64,
                        .query_head_count = 4,
                        .kv_head_count = 2,
                        .head_dim = 16,
                        .ffn_size = 96,
                        .vocab_size = 3,
                        .context_length = 512};
  Vocabulary vocabulary = {.tokenizer_model = "gpt2",
                           .pre_tokenizer = "smollm",
                           .tokens = {"a", "b", "ab"},
                           .types = {TokenType::kNormal, TokenType::kNormal, TokenType::kNormal},
                           .merges = {"a b"},
                           .chat_template = "{{ messages }}",
                           .bos_id = 0,
                           .eos_id = 1,
                           .padding_id = 2,
                           .add_bos = false};

  std::string Digest() const { return IdentityFingerprint(config, vocabulary); }
};

// Drafters keep these digests in their files, so they must never change. The figure was computed
// from the description in fingerprint.h by another program.
TEST(IdentityFingerprintTest, IsTheDigestThatTheHeaderDescribes) {
  EXPECT_EQ(Identity().Digest(),
            "0cd8a59d5fe57926965f108465a67fd654949c89e6c4fc064630b1ae9e8381a9");
}

TEST(IdentityFingerprintTest, EveryFieldCounts) {
  const std::function<void(LlamaConfig*)> config_changes[] = {
      [](auto* c) { ++c->layer_count; },        [](auto* c) { ++c->hidden_size; },
      [](auto* c) { ++c->query_head_count; },   [](auto* c) { ++c->kv_head_count; },
      [](auto* c) { ++c->head_dim; },           [](auto* c) { ++c->ffn_size; },
      [](auto* c) { ++c->vocab_size; },         [](auto* c) { ++c->context_length; },
      [](auto* c) { c->rope_base = 10001; },    [](auto* c) { c->rms_norm_epsilon = 1.1e-5f; },
      [](auto* c) { c->tied_embedding = true; }};
  const std::function<void(Vocabulary*)> vocabulary_changes[] = {
      [](auto* v) { v->tokenizer_model = "gpt3"; },
      [](auto* v) { v->pre_tokenizer = "gpt-2"; },
      [](auto* v) { v->tokens[1] = "c"; },
      [](auto* v) { std::swap(v->tokens[0], v->tokens[1]); },
      [](auto* v) { v->types[1] = TokenType::kControl; },
      [](auto* v) { v->merges = {"b a"}; },
      [](auto* v) { v->merges = {}; },
      [](auto* v) { v->chat_template += " "; },
      [](auto* v) { v->bos_id = -1; },
      [](auto* v) { v->eos_id = 2; },
      [](auto* v) { v->padding_id = 0; },
      [](auto* v) { v->add_bos = true; }};
  std::set<std::string> digests = {Identity().Digest()};
  for (const auto& change : config_changes) {
    Identity identity;
    change(&identity.config);
    EXPECT_TRUE(digests.insert(identity.Digest()).second) << "change " << digests.size();
  }
  for (const auto& change : vocabulary_changes) {
    Identity identity;
    change(&identity.vocabulary);
    EXPECT_TRUE(digests.insert(identity.Digest()).second) << "change " << digests.size();
  }
}

TEST(IdentityFingerprintTest, TextsDoNotRunIntoOneAnother) {
  Identity cut_here;
  cut_here.vocabulary.tokens = {"ab", "c", "d"};
  Identity cut_there = cut_here;
  cut_there.vocabulary.tokens = {"a", "bc", "d"};
  EXPECT_NE(cut_here.Digest(), cut_there.Digest());
}

// The fingerprint of the file that `writer` describes.
Fingerprint Of(const GgufWriter& writer) {
  const std::vector<std::byte> bytes = FileBytes(writer.Serialize());
  return FingerprintOf(ReadMemoryModel(bytes).value());
}

TEST(FingerprintTest, HasTwoDigests) {
  const Fingerprint fingerprint = Of(BuildTinyLlama({}));
  EXPECT_THAT(fingerprint.identity, MatchesRegex("[0-9a-f]{64}"));
  EXPECT_THAT(fingerprint.weights, MatchesRegex("[0-9a-f]{64}"));
}

TEST(FingerprintTest, IsTheSameHoweverTheFileIsLaidOut) {
  GgufWriter writer = BuildTinyLlama({});
  std::reverse(writer.tensors().begin(), writer.tensors().end());
  writer.set_version(2);
  writer.SetUint32("general.alignment", 64);
  writer.set_alignment(64);
  writer.SetString("general.name", "renamed");
  writer.SetUint64("llama.block_count", 2);  // was 32 bits wide
  EXPECT_EQ(Of(writer), Of(BuildTinyLlama({})));
}

TEST(FingerprintTest, AnotherQuantisationIsTheSameModelWithOtherWeights) {
  const Fingerprint q4 = Of(BuildTinyLlama({.type = DataType::kQ4_1}));
  const Fingerprint q8 = Of(BuildTinyLlama({.type = DataType::kQ8_0}));
  EXPECT_EQ(q4.identity, q8.identity);
  EXPECT_NE(q4.weights, q8.weights);
}

TEST(FingerprintTest, OtherMetadataIsAnotherModelWithTheSameWeights) {
  GgufWriter writer = BuildTinyLlama({});
  writer.SetUint32("llama.context_length", 513);
  EXPECT_NE(Of(writer).identity, Of(BuildTinyLlama({})).identity);
  EXPECT_EQ(Of(writer).weights, Of(BuildTinyLlama({})).weights);
}

TEST(WeightsFingerprintTest, EveryByteOfDataCounts) {
  const std::string original = Of(BuildTinyLlama({})).weights;
  for (const char* name : {"token_embd.weight", "blk.1.attn_norm.weight", "output.weight"}) {
    GgufWriter writer = BuildTinyLlama({});
    writer.tensor(name).data.front() ^= 1;
    EXPECT_NE(Of(writer).weights, original) << name;
    writer = BuildTinyLlama({});
    writer.tensor(name).data.back() ^= 1;
    EXPECT_NE(Of(writer).weights, original) << name;
  }
}

TEST(WeightsFingerprintTest, IsTheDigestThatTheHeaderDescribes) {
  const std::vector<std::byte> bytes = FileBytes("01234567abcdefgh");
  const std::span<const std::byte> all(bytes);
  const TensorView a = {.type = DataType::kF16, .rows = 2, .columns = 2, .bytes = all.first(8)};
  const TensorView b = {.type = DataType::kF32, .rows = 1, .columns = 2, .bytes = all.last(8)};
  EXPECT_EQ(WeightsFingerprint({{"a", a}, {"b", b}}),
            "ffea817b87cf19cd9ca34462169161229d248b8124b3d6c37c79414496b8847d");
}

TEST(WeightsFingerprintTest, TheTableCounts) {
  const std::vector<std::byte> bytes = FileBytes("01234567abcdefgh");
  const TensorView tensor = {.type = DataType::kF16, .rows = 2, .columns = 4, .bytes = bytes};
  TensorView other_shape = tensor;
  std::swap(other_shape.rows, other_shape.columns);
  TensorView other_type = tensor;
  other_type.type = DataType::kBf16;
  const std::set<std::string> digests = {
      WeightsFingerprint({}),
      WeightsFingerprint({{"a", tensor}}),
      WeightsFingerprint({{"b", tensor}}),
      WeightsFingerprint({{"a", other_shape}}),
      WeightsFingerprint({{"a", other_type}}),
      WeightsFingerprint({{"a", tensor}, {"b", tensor}}),
  };
  EXPECT_EQ(digests.size(), 6u);
}

}  // namespace
}  // namespace chimera
