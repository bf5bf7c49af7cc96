// Writes the seeds of gguf_fuzzer: small models, each with another part of the format in it, and
// files that lie about their sizes. The same on every machine.
//
//   write_gguf_corpus DIRECTORY      tests/fuzz/corpus/gguf

#include <cstdio>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "tests/testing/gguf_writer.h"
#include "tests/testing/quantize.h"
#include "tests/testing/tiny_llama.h"

namespace chimera::testing {
namespace {

constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();
constexpr int32_t kColumns = 32;  // of every matrix: the least there can be

// The first letters of the byte alphabet, some merges, and nothing that a file can do without: the
// smaller a seed, the more of its mutations hit what matters.
std::vector<std::string> Tokens() {
  return {"<|endoftext|>",
          "<|im_start|>",
          "<|im_end|>",
          "a",
          "e",
          "h",
          "n",
          "o",
          "r",
          "s",
          "t",
          "u",
          "i",
          "m",
          "1",
          "\u010A",
          "\u0120",
          "\u00F0",
          "\u0141",
          "!",
          "th",
          "\u0120a",
          "in",
          "the"};
}

void ShrinkVocabulary(GgufWriter* writer) {
  const std::vector<std::string> tokens = Tokens();
  std::vector<int32_t> types(tokens.size(), 1);
  types[0] = types[1] = types[2] = 3;
  writer->SetStringArray("tokenizer.ggml.tokens", tokens);
  writer->SetInt32Array("tokenizer.ggml.token_type", types);
  writer->SetStringArray("tokenizer.ggml.merges", {"t h", "\u0120 a", "i n", "th e"});
  writer->SetUint32("llama.vocab_size", static_cast<uint32_t>(tokens.size()));
  for (const char* name : {"token_embd.weight", "output.weight"}) {
    for (GgufWriterTensor& tensor : writer->tensors()) {
      if (tensor.name != name) continue;
      tensor.data.resize(tensor.data.size() / tensor.dimensions[1] * tokens.size());
      tensor.dimensions[1] = tokens.size();
    }
  }
}

GgufWriter SmallModel(bool tied_embedding = true, int32_t layer_count = 1) {
  GgufWriter writer = BuildTinyLlama({.layer_count = layer_count,
                                      .hidden_size = kColumns,
                                      .query_heads = 16,
                                      .kv_heads = 1,
                                      .head_dim = 2,
                                      .ffn_size = 32,
                                      .vocab_size = 259,
                                      .context_length = 64,
                                      .type = DataType::kQ4_0,
                                      .embedding_type = DataType::kQ4_0,
                                      .tied_embedding = tied_embedding});
  ShrinkVocabulary(&writer);
  return writer;
}

// A matrix of `rows` rows in another element type.
void SetType(const std::string& name, DataType type, GgufWriter* writer) {
  GgufWriterTensor& tensor = writer->tensor(name);
  std::vector<float> values(kColumns * tensor.dimensions[1]);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7) / 8 - 0.375f;
  tensor.type = GgmlTypeNumber(type);
  tensor.data = Quantize(type, values);
}

GgufWriter EveryElementType() {
  GgufWriter writer = SmallModel();
  SetType("blk.0.attn_k.weight", DataType::kF32, &writer);
  SetType("blk.0.attn_v.weight", DataType::kBf16, &writer);
  SetType("token_embd.weight", DataType::kF16, &writer);
  SetType("blk.0.attn_q.weight", DataType::kQ8_0, &writer);
  SetType("blk.0.ffn_up.weight", DataType::kQ4_1, &writer);
  return writer;
}

std::string Raw(uint64_t value, size_t bytes = sizeof(uint64_t)) {
  return std::string(reinterpret_cast<const char*>(&value), bytes);
}

// One value and one array of every type that metadata can have.
GgufWriter EveryValueType() {
  GgufWriter writer = SmallModel();
  constexpr size_t kBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  for (uint32_t type = 0; type < std::size(kBytes); ++type) {
    if (kBytes[type] == 0) continue;
    const std::string name = std::to_string(type);
    writer.SetRaw("x." + name, type, Raw(1, kBytes[type]));
    writer.SetRaw("y." + name, 9,
                  Raw(type, 4) + Raw(2) + Raw(1, kBytes[type]) + Raw(0, kBytes[type]));
  }
  writer.SetStringArray("y.8", {"", "text"});
  writer.SetUint64("llama.context_length", 64);
  return writer;
}

GgufWriter OtherTokenizer(const char* pre_tokenizer) {
  GgufWriter writer = SmallModel();
  writer.SetString("tokenizer.ggml.pre", pre_tokenizer);
  writer.SetBool("tokenizer.ggml.add_bos_token", true);
  writer.SetString("tokenizer.chat_template",
                   "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + "
                   "message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
                   "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}");
  return writer;
}

GgufWriter Fewest() {
  GgufWriter writer = SmallModel();
  for (const char* key : {"general.name", "tokenizer.chat_template", "llama.rope.freq_base",
                          "llama.rope.dimension_count", "llama.attention.value_length",
                          "llama.vocab_size", "tokenizer.ggml.padding_token_id"}) {
    writer.Remove(key);
  }
  return writer;
}

GgufWriter Aligned(uint32_t alignment) {
  GgufWriter writer = SmallModel();
  writer.SetUint32("general.alignment", alignment);
  writer.set_alignment(alignment);
  return writer;
}

// The metadata and no tensor.
GgufWriter MetadataOnly() {
  GgufWriter writer = SmallModel();
  writer.tensors().clear();
  return writer;
}

GgufWriter With(GgufWriter writer, const std::function<void(GgufWriter*)>& change) {
  change(&writer);
  return writer;
}

struct Seed {
  const char* name;
  std::string content;
};

std::vector<Seed> Models() {
  GgufWriter version_2 = Fewest();
  version_2.set_version(2);
  return {{"model", SmallModel().Serialize()},
          {"model_untied", SmallModel(/*tied_embedding=*/false).Serialize()},
          {"model_two_layers", SmallModel(/*tied_embedding=*/true, 2).Serialize()},
          {"model_every_element_type", EveryElementType().Serialize()},
          {"model_every_value_type", EveryValueType().Serialize()},
          {"model_gpt2", OtherTokenizer("gpt-2").Serialize()},
          {"model_llama_bpe", OtherTokenizer("llama-bpe").Serialize()},
          {"model_version_2", version_2.Serialize()},
          {"model_aligned_to_8", Aligned(8).Serialize()},
          {"model_aligned_to_256", Aligned(256).Serialize()}};
}

// A table of one tensor, which claims what `change` says.
std::string OneTensor(const std::function<void(GgufWriterTensor*)>& change) {
  GgufWriterTensor tensor = {"t", {32, 2}, GgmlTypeNumber(DataType::kQ4_0), std::string(36, 1)};
  change(&tensor);
  GgufWriter writer;
  writer.AddTensor(tensor);
  return writer.Serialize();
}

std::vector<Seed> Lies() {
  const std::string start = "GGUF" + Raw(3, 4);
  const std::string one_key = start + Raw(0) + Raw(1);
  const std::string key = Raw(1) + "k";
  std::vector<Seed> seeds = {
      {"lie_tensor_count", start + Raw(kHuge) + Raw(0)},
      {"lie_key_count", start + Raw(0) + Raw(kHuge)},
      {"lie_key_length", one_key + Raw(kHuge) + "k"},
      {"lie_string_length", one_key + key + Raw(8, 4) + Raw(kHuge - 7) + "text"},
      {"lie_array_count", one_key + key + Raw(9, 4) + Raw(10, 4) + Raw(uint64_t{1} << 61)},
      {"lie_string_array", one_key + key + Raw(9, 4) + Raw(8, 4) + Raw(65536) + Raw(0)},
      {"lie_array_of_arrays", one_key + key + Raw(9, 4) + Raw(9, 4) + Raw(1) + Raw(0, 4)},
      {"lie_dimensions", OneTensor([](auto* t) {
         t->dimensions = {uint64_t{1} << 33, uint64_t{1} << 33};
       })},
      {"lie_offset", OneTensor([](auto* t) { t->offset = kHuge - 31; })},
      {"lie_offset_unaligned", OneTensor([](auto* t) { t->offset = 1; })},
      {"lie_three_dimensions", OneTensor([](auto* t) {
         t->dimensions = {32, 1, 1};
       })},
      {"lie_type", OneTensor([](auto* t) { t->type = 12; })}};
  for (const uint32_t alignment : {0u, 24u, 1u << 31}) {
    GgufWriter writer;
    writer.SetUint32("general.alignment", alignment);
    static constexpr const char* kNames[] = {"lie_alignment_0", "lie_alignment_24",
                                             "lie_alignment_2_31"};
    seeds.push_back({kNames[alignment == 0 ? 0 : alignment == 24 ? 1 : 2], writer.Serialize()});
  }
  return seeds;
}

// Whole but for one thing that the parts of the loader above the format refuse.
std::vector<Seed> Refused() {
  return {
      {"refused_no_tensors", MetadataOnly().Serialize()},
      {"refused_duplicate_key",
       With(MetadataOnly(), [](auto* w) { w->AddDuplicate("llama.block_count"); }).Serialize()},
      {"refused_layers",
       With(MetadataOnly(), [](auto* w) { w->SetUint32("llama.block_count", 1u << 31); })
           .Serialize()},
      {"refused_heads", With(MetadataOnly(),
                             [](auto* w) {
                               w->SetUint32("llama.attention.head_count", 0);
                               w->Remove("llama.attention.key_length");
                             })
                            .Serialize()},
      {"refused_rope_base", With(MetadataOnly(),
                                 [](auto* w) {
                                   w->SetFloat32("llama.rope.freq_base",
                                                 std::numeric_limits<float>::quiet_NaN());
                                 })
                                .Serialize()},
      {"refused_expert_count",
       With(MetadataOnly(), [](auto* w) { w->SetUint32("llama.expert_count", 8); }).Serialize()},
      {"refused_token_id",
       With(SmallModel(), [](auto* w) { w->SetUint32("tokenizer.ggml.eos_token_id", 24); })
           .Serialize()},
      {"refused_merge", With(SmallModel(),
                             [](auto* w) {
                               w->SetStringArray("tokenizer.ggml.merges", {"t h", "th", " ", ""});
                             })
                            .Serialize()},
      {"refused_long_token", With(SmallModel(), [](auto* w) {
                               std::vector<std::string> tokens = Tokens();
                               tokens[23] = std::string(6000, 't');
                               w->SetStringArray("tokenizer.ggml.merges", {"t h"});
                               w->SetStringArray("tokenizer.ggml.tokens", tokens);
                             }).Serialize()}};
}

}  // namespace
}  // namespace chimera::testing

int main(int argc, char** argv) {
  using namespace chimera::testing;  // NOLINT: half of it is used
  if (argc != 2) {
    std::fputs("usage: write_gguf_corpus DIRECTORY\n", stderr);
    return 2;
  }
  for (const std::vector<Seed>& seeds : {Models(), Lies(), Refused()}) {
    for (const Seed& seed : seeds) {
      WriteFile(std::string(argv[1]) + "/" + seed.name + ".gguf", seed.content);
    }
  }
  return 0;
}
