// Small random LLaMA models as Hugging Face folders.

#ifndef CHIMERA_TESTS_TESTING_TINY_HUGGING_FACE_H_
#define CHIMERA_TESTS_TESTING_TINY_HUGGING_FACE_H_

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/model/safetensors_tensor.h"
#include "tests/testing/tiny_llama.h"

namespace chimera::testing {

// What a folder holds, so that a test can change it before it is written.
struct TinyHuggingFace {
  struct Tensor {
    SafetensorsType type = SafetensorsType::kF32;
    std::vector<int64_t> shape;
    std::string bytes;
  };

  nlohmann::json config;
  nlohmann::json tokenizer;
  nlohmann::json tokenizer_config;
  std::map<std::string, Tensor> tensors;

  // Writes the files into `folder`, which is made if need be: all tensors in model.safetensors.
  // Ends the test program if it cannot.
  void Write(const std::string& folder) const;
  // The same, but with the tensors dealt out to `shard_count` files and an index.
  void WriteSharded(const std::string& folder, int shard_count) const;
};

// The model that BuildTinyLlama makes of the same options, in the other form.
// REQUIRES: type and embedding_type are F32, F16 or BF16.
TinyHuggingFace BuildTinyHuggingFace(const TinyLlamaOptions& options);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_TINY_HUGGING_FACE_H_
