// ReadLlamaConfig of llama_gguf.h.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "common/model/llama_gguf.h"
#include "tests/common/model/memory_model.h"
#include "tests/testing/gguf_writer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_llama.h"

namespace chimera {
namespace {

using ::chimera::testing::FileBytes;
using ::chimera::testing::GgufWriter;
using ::chimera::testing::ReadMemoryModel;
using ::chimera::testing::ReadStatus;
using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(LlamaGgufConfigTest, KeysThatMayBeMissingHaveDefaults) {
  GgufWriter writer = testing::BuildTinyLlama({.query_heads = 4, .kv_heads = 4});
  for (const char* key : {"llama.attention.head_count_kv", "llama.attention.key_length",
                          "llama.attention.value_length", "llama.rope.dimension_count",
                          "llama.rope.freq_base", "llama.vocab_size"}) {
    writer.Remove(key);
  }
  const std::vector<std::byte> bytes = FileBytes(writer.Serialize());
  CHIMERA_ASSERT_OK_AND_ASSIGN(const auto model, ReadMemoryModel(bytes));
  EXPECT_EQ(model.config.kv_head_count, 4);
  EXPECT_EQ(model.config.head_dim, 16);
  EXPECT_EQ(model.config.rope_base, 10000.0f);
  EXPECT_EQ(model.config.vocab_size, 320);
}

TEST(LlamaGgufConfigTest, OtherKeysMustBeThere) {
  for (const std::string key :
       {"general.architecture", "llama.block_count", "llama.context_length",
        "llama.embedding_length", "llama.feed_forward_length", "llama.attention.head_count",
        "llama.attention.layer_norm_rms_epsilon", "tokenizer.ggml.tokens"}) {
    GgufWriter writer = testing::BuildTinyLlama({});
    writer.Remove(key);
    EXPECT_THAT(ReadStatus(writer),
                StatusIs(absl::StatusCode::kInvalidArgument, "the file lacks the key " + key));
  }
}

TEST(LlamaGgufConfigTest, ValuesThatChangeNothingAreTaken) {
  GgufWriter writer = testing::BuildTinyLlama({});
  writer.SetString("llama.rope.scaling.type", "none");
  writer.SetFloat32("llama.rope.scaling.factor", 1.0f);
  writer.SetFloat32("llama.rope.scale_linear", 1.0f);
  writer.SetUint32("llama.expert_count", 0);
  writer.SetUint32("llama.expert_used_count", 0);
  writer.SetUint32("general.file_type", 3);
  writer.SetString("other.key", "of another program");
  CHIMERA_EXPECT_OK(ReadStatus(writer));
}

// A change to the tiny file, and what its error says.
struct Refusal {
  const char* name;
  std::function<void(GgufWriter*)> change;
  absl::StatusCode code;
  std::string message;
};

class LlamaGgufConfigRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(LlamaGgufConfigRefusalTest, NamesTheKey) {
  GgufWriter writer = testing::BuildTinyLlama({});
  GetParam().change(&writer);
  EXPECT_THAT(ReadStatus(writer), StatusIs(GetParam().code, HasSubstr(GetParam().message)));
}

std::string NameOfCase(const ::testing::TestParamInfo<Refusal>& param_info) {
  return param_info.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    Unsupported, LlamaGgufConfigRefusalTest,
    ::testing::Values(
        Refusal{"Architecture", [](auto* w) { w->SetString("general.architecture", "qwen2"); },
                absl::StatusCode::kUnimplemented,
                "key general.architecture is \"qwen2\"; supported: \"llama\""},
        Refusal{"RopeScaling", [](auto* w) { w->SetString("llama.rope.scaling.type", "yarn"); },
                absl::StatusCode::kUnimplemented,
                "key llama.rope.scaling.type is \"yarn\"; supported: \"none\""},
        Refusal{"RopeFactor", [](auto* w) { w->SetFloat32("llama.rope.scaling.factor", 2.0f); },
                absl::StatusCode::kUnimplemented,
                "key llama.rope.scaling.factor is 2; supported: 1"},
        Refusal{"RopeScaleLinear", [](auto* w) { w->SetFloat32("llama.rope.scale_linear", 0.5f); },
                absl::StatusCode::kUnimplemented, "key llama.rope.scale_linear is 0.5"},
        Refusal{"Experts", [](auto* w) { w->SetUint32("llama.expert_count", 8); },
                absl::StatusCode::kUnimplemented, "key llama.expert_count is 8; supported: 0"},
        Refusal{"ValueLength", [](auto* w) { w->SetUint32("llama.attention.value_length", 32); },
                absl::StatusCode::kUnimplemented,
                "key llama.attention.value_length is 32; supported: the head's width, 16"},
        Refusal{"PartialRope", [](auto* w) { w->SetUint32("llama.rope.dimension_count", 8); },
                absl::StatusCode::kUnimplemented,
                "key llama.rope.dimension_count is 8; supported: the head's width, 16"},
        Refusal{
            "HugeRope",
            [](auto* w) { w->SetUint64("llama.rope.dimension_count", 16 + (uint64_t{1} << 32)); },
            absl::StatusCode::kUnimplemented,
            "key llama.rope.dimension_count is 4294967312; supported: the head's width, 16"}),
    NameOfCase);

INSTANTIATE_TEST_SUITE_P(
    Impossible, LlamaGgufConfigRefusalTest,
    ::testing::Values(
        Refusal{"TextForANumber", [](auto* w) { w->SetString("llama.block_count", "2"); },
                absl::StatusCode::kInvalidArgument, "key llama.block_count is a string"},
        Refusal{"HeadsPerLayer",
                [](auto* w) {
                  w->SetInt32Array("llama.attention.head_count_kv", {2, 2});
                },
                absl::StatusCode::kInvalidArgument,
                "key llama.attention.head_count_kv is an array of int32"},
        Refusal{"BeyondInt32",
                [](auto* w) { w->SetUint64("llama.embedding_length", 64 + (uint64_t{1} << 32)); },
                absl::StatusCode::kInvalidArgument,
                "key llama.embedding_length is 4294967360, must be from 0 to 2^31 - 1"},
        Refusal{"NoHeads", [](auto* w) { w->SetUint32("llama.attention.head_count", 0); },
                absl::StatusCode::kInvalidArgument, "query_head_count is 0"},
        Refusal{"NoHeadWidth", [](auto* w) { w->SetUint32("llama.attention.key_length", 0); },
                absl::StatusCode::kInvalidArgument, "head_dim is 0, must be from 2"},
        Refusal{"UnevenHeads",
                [](auto* w) {
                  w->Remove("llama.attention.key_length");
                  w->SetUint32("llama.attention.head_count", 5);
                },
                absl::StatusCode::kInvalidArgument,
                "key llama.embedding_length is 64, must be a multiple of "
                "llama.attention.head_count (5)"},
        Refusal{"DivisionByNoHeads",
                [](auto* w) {
                  w->Remove("llama.attention.key_length");
                  w->SetUint32("llama.attention.head_count", 0);
                },
                absl::StatusCode::kInvalidArgument, "llama.attention.head_count (0)"},
        Refusal{"OtherVocabSize", [](auto* w) { w->SetUint32("llama.vocab_size", 321); },
                absl::StatusCode::kInvalidArgument,
                "key llama.vocab_size is 321, but tokenizer.ggml.tokens has 320 entries"},
        Refusal{"NoLayers", [](auto* w) { w->SetUint32("llama.block_count", 0); },
                absl::StatusCode::kInvalidArgument, "layer_count is 0, must be from 1 to 1024"},
        Refusal{"HugeContext", [](auto* w) { w->SetUint32("llama.context_length", 0x7fffffff); },
                absl::StatusCode::kInvalidArgument, "context_length is 2147483647"}),
    NameOfCase);

TEST(LlamaGgufConfigTest, UnknownKeysAreRefusedAndTheKnownListed) {
  GgufWriter writer = testing::BuildTinyLlama({});
  writer.SetFloat32("llama.logit_scale", 1.0f);
  EXPECT_THAT(ReadStatus(writer),
              StatusIs(absl::StatusCode::kUnimplemented,
                       AllOf(HasSubstr("key llama.logit_scale; supported: llama.block_count, "),
                             HasSubstr("llama.rope.freq_base"))));
}

// What is shown of a text from the file is short and printable.
TEST(LlamaGgufConfigTest, ErrorsShowTextsInPrintableAscii) {
  GgufWriter writer = testing::BuildTinyLlama({});
  writer.SetString("general.architecture", "\x1b[2J\xff" + std::string(1 << 20, 'x'));
  const absl::Status status = ReadStatus(writer);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnimplemented,
                               AllOf(HasSubstr("\"\\x1b[2J\\xffxx"), HasSubstr("xx...\""))));
  EXPECT_LT(status.message().size(), 300u);
}

}  // namespace
}  // namespace chimera
