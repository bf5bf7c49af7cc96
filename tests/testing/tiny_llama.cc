#include "tests/testing/tiny_llama.h"

#include <cmath>
#include <random>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/testing/quantize.h"

namespace chimera::testing {
namespace {

// Adds random tensors. std::mt19937_64 gives the same numbers everywhere, unlike the standard
// distributions.
class LlamaTensors {
 public:
  LlamaTensors(uint64_t seed, GgufWriter* writer) : engine_(seed), writer_(writer) {}

  // Elements uniform in [-bound, bound].
  void AddMatrix(const std::string& name, DataType type, std::pair<int32_t, int32_t> shape,
                 float bound) {
    const auto [rows, columns] = shape;
    std::vector<float> values(static_cast<size_t>(rows) * columns);
    for (float& value : values) value = bound * Uniform();
    writer_->AddTensor({name,
                        {static_cast<uint64_t>(columns), static_cast<uint64_t>(rows)},
                        GgmlTypeNumber(type),
                        Quantize(type, values)});
  }

  // A linear layer that about keeps the size of its input.
  void AddLinear(const std::string& name, DataType type, std::pair<int32_t, int32_t> shape) {
    AddMatrix(name, type, shape, std::sqrt(3.0f / static_cast<float>(shape.second)));
  }

  // Elements uniform in [0.75, 1.25].
  void AddNorm(const std::string& name, int32_t size) {
    std::vector<float> values(size);
    for (float& value : values) value = 1.0f + 0.25f * Uniform();
    writer_->AddTensor({name,
                        {static_cast<uint64_t>(size)},
                        GgmlTypeNumber(DataType::kF32),
                        Quantize(DataType::kF32, values)});
  }

 private:
  // In [-1, 1), a multiple of 2^-23.
  float Uniform() { return static_cast<float>(engine_() >> 40) * 0x1p-23f - 1.0f; }

  std::mt19937_64 engine_;
  GgufWriter* writer_;
};

void SetConfig(const TinyLlamaOptions& options, GgufWriter* writer) {
  writer->SetString("general.architecture", "llama");
  writer->SetString("general.name", "tiny");
  writer->SetUint32("llama.block_count", options.layer_count);
  writer->SetUint32("llama.context_length", options.context_length);
  writer->SetUint32("llama.embedding_length", options.hidden_size);
  writer->SetUint32("llama.feed_forward_length", options.ffn_size);
  writer->SetUint32("llama.attention.head_count", options.query_heads);
  writer->SetUint32("llama.attention.head_count_kv", options.kv_heads);
  writer->SetUint32("llama.attention.key_length", options.head_dim);
  writer->SetUint32("llama.attention.value_length", options.head_dim);
  writer->SetUint32("llama.rope.dimension_count", options.head_dim);
  writer->SetFloat32("llama.rope.freq_base", 10000.0f);
  writer->SetFloat32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  writer->SetUint32("llama.vocab_size", options.vocab_size);
}

void SetVocabulary(const Vocabulary& vocabulary, GgufWriter* writer) {
  std::vector<int32_t> types;
  for (const TokenType type : vocabulary.types) types.push_back(static_cast<int32_t>(type) + 1);
  writer->SetString("tokenizer.ggml.model", vocabulary.tokenizer_model);
  writer->SetString("tokenizer.ggml.pre", vocabulary.pre_tokenizer);
  writer->SetStringArray("tokenizer.ggml.tokens", vocabulary.tokens);
  writer->SetInt32Array("tokenizer.ggml.token_type", types);
  writer->SetStringArray("tokenizer.ggml.merges", vocabulary.merges);
  writer->SetUint32("tokenizer.ggml.bos_token_id", vocabulary.bos_id);
  writer->SetUint32("tokenizer.ggml.eos_token_id", vocabulary.eos_id);
  writer->SetUint32("tokenizer.ggml.padding_token_id", vocabulary.padding_id);
  writer->SetBool("tokenizer.ggml.add_bos_token", vocabulary.add_bos);
  writer->SetString("tokenizer.chat_template", vocabulary.chat_template);
}

void AddLayer(int32_t layer, const TinyLlamaOptions& options, LlamaTensors* tensors) {
  const auto name = [layer](absl::string_view part) {
    return absl::StrCat("blk.", layer, ".", part, ".weight");
  };
  const int32_t hidden = options.hidden_size;
  const int32_t query = options.query_heads * options.head_dim;
  const int32_t kv = options.kv_heads * options.head_dim;
  tensors->AddNorm(name("attn_norm"), hidden);
  tensors->AddLinear(name("attn_q"), options.type, {query, hidden});
  tensors->AddLinear(name("attn_k"), options.type, {kv, hidden});
  tensors->AddLinear(name("attn_v"), options.type, {kv, hidden});
  tensors->AddLinear(name("attn_output"), options.type, {hidden, query});
  tensors->AddNorm(name("ffn_norm"), hidden);
  tensors->AddLinear(name("ffn_gate"), options.type, {options.ffn_size, hidden});
  tensors->AddLinear(name("ffn_up"), options.type, {options.ffn_size, hidden});
  tensors->AddLinear(name("ffn_down"), options.type, {hidden, options.ffn_size});
}

}  // namespace

GgufWriter BuildTinyLlama(const TinyLlamaOptions& options) {
  GgufWriter writer;
  SetConfig(options, &writer);
  SetVocabulary(TinyVocabulary(options.vocab_size), &writer);
  LlamaTensors tensors(options.seed, &writer);
  const std::pair vocabulary_shape = {options.vocab_size, options.hidden_size};
  tensors.AddMatrix("token_embd.weight", options.embedding_type, vocabulary_shape, 1.0f);
  for (int32_t layer = 0; layer < options.layer_count; ++layer) {
    AddLayer(layer, options, &tensors);
  }
  tensors.AddNorm("output_norm.weight", options.hidden_size);
  if (!options.tied_embedding) {
    tensors.AddMatrix("output.weight", options.embedding_type, vocabulary_shape, 0.5f);
  }
  return writer;
}

void WriteTinyLlama(const std::string& path, const TinyLlamaOptions& options) {
  WriteFile(path, BuildTinyLlama(options).Serialize());
}

}  // namespace chimera::testing
