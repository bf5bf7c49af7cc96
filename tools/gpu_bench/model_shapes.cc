#include "tools/gpu_bench/model_shapes.h"

#include <algorithm>
#include <array>

#include "common/cuda/kernels/fragment_gemm_plan.h"

namespace chimera {
namespace {

const std::array<ModelShape, 5>& AllShapes() {
  static const std::array<ModelShape, 5> shapes = {
      ModelShape{"llama-2-7b",
                 {.layer_count = 32,
                  .hidden_size = 4096,
                  .query_head_count = 32,
                  .kv_head_count = 32,
                  .head_dim = 128,
                  .ffn_size = 11008,
                  .vocab_size = 32000,
                  .context_length = 4096}},
      ModelShape{"llama-2-13b",
                 {.layer_count = 40,
                  .hidden_size = 5120,
                  .query_head_count = 40,
                  .kv_head_count = 40,
                  .head_dim = 128,
                  .ffn_size = 13824,
                  .vocab_size = 32000,
                  .context_length = 4096}},
      ModelShape{"llama-3-8b",
                 {.layer_count = 32,
                  .hidden_size = 4096,
                  .query_head_count = 32,
                  .kv_head_count = 8,
                  .head_dim = 128,
                  .ffn_size = 14336,
                  .vocab_size = 128256,
                  .context_length = 8192,
                  .rope_base = 500000.0f}},
      ModelShape{"smollm2-135m",
                 {.layer_count = 30,
                  .hidden_size = 576,
                  .query_head_count = 9,
                  .kv_head_count = 3,
                  .head_dim = 64,
                  .ffn_size = 1536,
                  .vocab_size = 49152,
                  .context_length = 8192,
                  .rope_base = 100000.0f,
                  .tied_embedding = true}},
      ModelShape{"tiny",
                 {.layer_count = 2,
                  .hidden_size = 128,
                  .query_head_count = 2,
                  .kv_head_count = 1,
                  .head_dim = 64,
                  .ffn_size = 160,
                  .vocab_size = 320,
                  .context_length = 256}},
  };
  return shapes;
}

}  // namespace

std::span<const ModelShape> ModelShapes() { return AllShapes(); }

std::optional<ModelShape> FindModelShape(absl::string_view name) {
  const auto found = std::ranges::find(ModelShapes(), name, &ModelShape::name);
  if (found == ModelShapes().end()) return std::nullopt;
  return *found;
}

std::vector<LinearShape> LinearShapes(const LlamaConfig& config) {
  const int layers = config.layer_count;
  // The backend pads the vocabulary.
  const int output_rows = (config.vocab_size + kFragmentSize - 1) / kFragmentSize * kFragmentSize;
  return {
      {"query+key+value", config.query_size() + 2 * config.kv_size(), config.hidden_size, layers},
      {"attention_output", config.hidden_size, config.query_size(), layers},
      {"gate+up", 2 * config.ffn_size, config.hidden_size, layers},
      {"down", config.hidden_size, config.ffn_size, layers},
      {"output", output_rows, config.hidden_size, 1}};
}

int64_t StepWeightBytes(const LlamaConfig& config) {
  int64_t bytes = 0;
  for (const LinearShape& shape : LinearShapes(config)) bytes += shape.count * shape.weight_bytes();
  return bytes;
}

int64_t KvBytesPerPosition(const LlamaConfig& config) {
  return int64_t{2} * config.layer_count * config.kv_size() *
         static_cast<int64_t>(sizeof(uint16_t));
}

}  // namespace chimera
