// Models by name, as far as speed depends on them: without weights.

#ifndef CHIMERA_TOOLS_GPU_BENCH_MODEL_SHAPES_H_
#define CHIMERA_TOOLS_GPU_BENCH_MODEL_SHAPES_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/model/llama_config.h"

namespace chimera {

struct ModelShape {
  std::string name;
  LlamaConfig config;
};

// All there are: "llama-2-7b", "llama-2-13b", "llama-3-8b", "smollm2-135m", and "tiny", for tests.
std::span<const ModelShape> ModelShapes();

std::optional<ModelShape> FindModelShape(absl::string_view name);

// A linear layer of a model as the CUDA backend multiplies it.
struct LinearShape {
  std::string name;
  int output_size = 0;
  int input_size = 0;
  int count = 0;  // in the model

  int64_t weight_bytes() const { return int64_t{2} * output_size * input_size; }  // of one, bf16
};

// In the order of a step: query+key+value, attention_output, gate+up, down, output.
std::vector<LinearShape> LinearShapes(const LlamaConfig& config);

// Bytes of weights that a step reads: of all linear layers, in bf16. Of the embedding it reads next
// to nothing.
int64_t StepWeightBytes(const LlamaConfig& config);

// Bytes of keys and values of one position, all layers.
int64_t KvBytesPerPosition(const LlamaConfig& config);

}  // namespace chimera

#endif  // CHIMERA_TOOLS_GPU_BENCH_MODEL_SHAPES_H_
