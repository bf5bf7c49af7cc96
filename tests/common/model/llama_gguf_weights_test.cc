// ReadLlamaWeights of llama_gguf.h.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/model/llama_gguf.h"
#include "tests/common/model/memory_model.h"
#include "tests/testing/gguf_writer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_llama.h"

namespace chimera {
namespace {

using ::chimera::testing::GgmlTypeNumber;
using ::chimera::testing::GgufWriter;
using ::chimera::testing::GgufWriterTensor;
using ::chimera::testing::ReadStatus;
using ::chimera::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(LlamaGgufWeightsTest, EveryTensorMustBeThere) {
  const GgufWriter whole = testing::BuildTinyLlama({});
  for (const GgufWriterTensor& missing : whole.tensors()) {
    if (missing.name == "output.weight") continue;  // which only means that it is tied
    GgufWriter writer = whole;
    std::erase_if(writer.tensors(),
                  [&](const GgufWriterTensor& tensor) { return tensor.name == missing.name; });
    EXPECT_THAT(ReadStatus(writer),
                StatusIs(absl::StatusCode::kNotFound,
                         HasSubstr("the file lacks the tensor " + missing.name + " [")));
  }
}

TEST(LlamaGgufWeightsTest, EveryTensorMustHaveItsShape) {
  const GgufWriter whole = testing::BuildTinyLlama({});
  for (const GgufWriterTensor& wrong : whole.tensors()) {
    // Rows, then columns, that no tensor has.
    for (const std::vector<uint64_t>& shape :
         {std::vector<uint64_t>{wrong.dimensions[0], 1000}, std::vector<uint64_t>{4096, 2}}) {
      GgufWriter writer = whole;
      writer.tensor(wrong.name).dimensions = shape;
      writer.tensor(wrong.name).data.resize(1 << 18);
      EXPECT_THAT(ReadStatus(writer), StatusIs(absl::StatusCode::kInvalidArgument,
                                               AllOf(HasSubstr("tensor " + wrong.name + " is [" +
                                                               std::to_string(shape[1]) + ", "),
                                                     HasSubstr("must be ["))));
    }
  }
}

TEST(LlamaGgufWeightsTest, MatricesAreNotTransposed) {
  GgufWriter writer = testing::BuildTinyLlama({});
  writer.tensor("blk.1.ffn_up.weight").dimensions = {96, 64};
  EXPECT_THAT(ReadStatus(writer),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "tensor blk.1.ffn_up.weight is [64, 96], must be [96, 64]"));
}

TEST(LlamaGgufWeightsTest, NormsAreNotQuantised) {
  for (const std::string name :
       {"blk.0.attn_norm.weight", "blk.1.ffn_norm.weight", "output_norm.weight"}) {
    GgufWriter writer = testing::BuildTinyLlama({});
    writer.tensor(name).type = GgmlTypeNumber(DataType::kQ8_0);
    EXPECT_THAT(ReadStatus(writer),
                StatusIs(absl::StatusCode::kUnimplemented,
                         "tensor " + name + " has type Q8_0; supported for norms: F32, F16, BF16"));
  }
}

TEST(LlamaGgufWeightsTest, TensorsThatWouldBeIgnoredAreRefused) {
  for (const std::string name : {"blk.0.attn_q.bias", "rope_freqs.weight", "blk.2.attn_q.weight"}) {
    GgufWriter writer = testing::BuildTinyLlama({});
    writer.AddTensor({name, {64}, GgmlTypeNumber(DataType::kF32), std::string(256, '\0')});
    EXPECT_THAT(ReadStatus(writer), StatusIs(absl::StatusCode::kUnimplemented,
                                             HasSubstr("tensor " + name + " is not supp")));
  }
}

TEST(LlamaGgufWeightsTest, LayersMustBeAsManyAsTheFileSays) {
  GgufWriter writer = testing::BuildTinyLlama({});
  writer.SetUint32("llama.block_count", 3);
  EXPECT_THAT(ReadStatus(writer), StatusIs(absl::StatusCode::kNotFound, HasSubstr("blk.2.")));
  writer.SetUint32("llama.block_count", 1);
  EXPECT_THAT(ReadStatus(writer), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("blk.1.")));
}

}  // namespace
}  // namespace chimera
