#include "tests/testing/tiny_drafter.h"

#include <cmath>
#include <random>
#include <span>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/check.h"
#include "common/model/safetensors_writer.h"
#include "tests/testing/quantize.h"

namespace chimera::testing {
namespace {

DataType EmbeddingType(const TinyDrafterOptions& options) {
  return options.embedding_type.value_or(options.type);
}

// Adds random tensors.
class DrafterTensors {
 public:
  DrafterTensors(const TinyDrafterOptions& options, TinyDrafter* drafter)
      : options_(options), engine_(options.seed), drafter_(drafter) {}

  // A linear layer that about keeps the size of its input.
  void AddMatrix(const std::string& name, int64_t rows, int64_t columns) {
    Add(name, rows, columns, options_.type, 1);
  }

  // One that scores the tokens of the draft vocabulary.
  void AddEmbedding(const std::string& name) {
    Add(name, options_.draft_vocab_size, options_.hidden_size, EmbeddingType(options_),
        options_.confidence);
  }

  // Elements uniform in [0.75, 1.25].
  void AddNorms(const std::string& name, const std::vector<int64_t>& shape) {
    int64_t size = 1;
    for (const int64_t dimension : shape) size *= dimension;
    std::vector<float> values(size);
    for (float& value : values) value = 1.0f + 0.25f * Uniform();
    drafter_->tensors[name] = {SafetensorsType::kF32, shape, Quantize(DataType::kF32, values)};
  }

 private:
  // In [-1, 1), a multiple of 2^-23.
  float Uniform() { return static_cast<float>(engine_() >> 40) * 0x1p-23f - 1.0f; }

  void Add(const std::string& name, int64_t rows, int64_t columns, DataType type, float gain) {
    std::vector<float> values(rows * columns);
    const float bound = gain * std::sqrt(3.0f / static_cast<float>(columns));
    for (float& value : values) value = bound * Uniform();
    TinyDrafter::Tensor tensor = {ElementType(type), {rows, columns}, Quantize(type, values)};
    if (tensor.type == SafetensorsType::kU8) {
      tensor.shape[1] = static_cast<int64_t>(tensor.bytes.size()) / rows;
    }
    drafter_->tensors[name] = tensor;
  }

  static SafetensorsType ElementType(DataType type) {
    switch (type) {
      case DataType::kF32:
        return SafetensorsType::kF32;
      case DataType::kF16:
        return SafetensorsType::kF16;
      case DataType::kBf16:
        return SafetensorsType::kBf16;
      default:
        return SafetensorsType::kU8;
    }
  }

  const TinyDrafterOptions& options_;
  std::mt19937_64 engine_;
  TinyDrafter* const drafter_;
};

void AddContextEncoder(const TinyDrafterOptions& options, DrafterTensors* tensors) {
  const int64_t size = options.hidden_size;
  const int64_t query_size = int64_t{options.query_heads} * options.head_dim;
  const int64_t kv_size = int64_t{options.kv_heads} * options.head_dim;
  for (const char* norm : {"token_norm", "feature_norm", "attention_norm", "ffn_norm"}) {
    tensors->AddNorms(absl::StrCat("context_encoder.", norm), {size});
  }
  tensors->AddMatrix("context_encoder.input", size, 2 * size);
  tensors->AddMatrix("context_encoder.query", query_size, size);
  tensors->AddMatrix("context_encoder.key", kv_size, size);
  tensors->AddMatrix("context_encoder.value", kv_size, size);
  tensors->AddMatrix("context_encoder.attention_output", size, query_size);
  tensors->AddMatrix("context_encoder.ffn_gate", options.ffn_size, size);
  tensors->AddMatrix("context_encoder.ffn_up", options.ffn_size, size);
  tensors->AddMatrix("context_encoder.ffn_down", size, options.ffn_size);
}

std::map<std::string, std::string> Metadata(const TinyDrafterOptions& options) {
  return {{"format", "chimera-drafter-1"},
          {"name", "tiny drafter"},
          {"target_name", "tiny"},
          {"target_identity", options.target.identity},
          {"target_weights", options.target.weights},
          {"hidden_size", absl::StrCat(options.hidden_size)},
          {"query_head_count", absl::StrCat(options.query_heads)},
          {"kv_head_count", absl::StrCat(options.kv_heads)},
          {"head_dim", absl::StrCat(options.head_dim)},
          {"ffn_size", absl::StrCat(options.ffn_size)},
          {"rope_base", "10000"},
          {"rms_norm_epsilon", "1e-5"},
          {"trigram_hidden_size", absl::StrCat(options.trigram_hidden_size)},
          {"trigram_order", absl::StrCat(options.trigram_order)},
          {"tapped_layers", absl::StrJoin(options.tapped_layers, ",")},
          {"depth_heads", absl::StrCat(options.depth_heads)},
          {"draft_vocab_size", absl::StrCat(options.draft_vocab_size)},
          {"context_window", absl::StrCat(options.context_window)},
          {"weight_type", std::string(DataTypeName(options.type))},
          {"embedding_weight_type", std::string(DataTypeName(EmbeddingType(options)))}};
}

}  // namespace

void TinyDrafter::Write(const std::string& path) const {
  std::vector<SafetensorsEntry> entries;
  for (const auto& [name, tensor] : tensors) {
    entries.push_back(
        {name, tensor.type, tensor.shape, std::as_bytes(std::span<const char>(tensor.bytes))});
  }
  const absl::Status written = WriteSafetensors(path, entries, metadata);
  CHIMERA_CHECK(written.ok()) << written;
}

TinyDrafter BuildTinyDrafter(const TinyDrafterOptions& options) {
  TinyDrafter drafter;
  drafter.metadata = Metadata(options);
  DrafterTensors tensors(options, &drafter);
  const int64_t size = options.hidden_size;
  const int64_t taps = static_cast<int64_t>(options.tapped_layers.size());
  tensors.AddMatrix("trigram_encoder.w1", options.trigram_hidden_size,
                    options.trigram_order * size);
  tensors.AddMatrix("trigram_encoder.w2", size, options.trigram_hidden_size);
  tensors.AddNorms("fuse.norms", {taps, size});
  tensors.AddMatrix("fuse.weight", size, taps * size);
  AddContextEncoder(options, &tensors);
  tensors.AddMatrix("residual_head.weight", options.depth_heads * size, size);
  tensors.AddNorms("residual_head.norm", {size});
  tensors.AddEmbedding("residual_head.embedding");
  std::string vocabulary;
  for (int32_t i = 1; i <= options.draft_vocab_size; ++i) {
    const int32_t token = 3 * i;
    vocabulary.append(reinterpret_cast<const char*>(&token), sizeof(token));
  }
  drafter.tensors["draft_vocabulary"] = {
      SafetensorsType::kI32, {options.draft_vocab_size}, vocabulary};
  return drafter;
}

}  // namespace chimera::testing
