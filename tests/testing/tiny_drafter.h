// Small random drafters for tests: valid files that DrafterFile can open.

#ifndef CHIMERA_TESTS_TESTING_TINY_DRAFTER_H_
#define CHIMERA_TESTS_TESTING_TINY_DRAFTER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/model/data_type.h"
#include "common/model/fingerprint.h"
#include "common/model/safetensors_tensor.h"

namespace chimera::testing {

// Limits as for DraftNetworkConfig.
struct TinyDrafterOptions {
  Fingerprint target = {"identity", "weights"};
  int32_t hidden_size = 64;
  int32_t query_heads = 4;
  int32_t kv_heads = 2;
  int32_t head_dim = 16;
  int32_t ffn_size = 96;
  int32_t trigram_hidden_size = 128;
  int32_t trigram_order = 3;
  std::vector<int32_t> tapped_layers = {1, 2};
  int32_t depth_heads = 1;
  int32_t draft_vocab_size = 100;
  int32_t context_window = 64;
  DataType type = DataType::kQ8_0;              // of the matrices
  std::optional<DataType> embedding_type = {};  // of residual_head.embedding, if it has another one
  float confidence = 1;                         // standard deviation of the logits, about
  uint64_t seed = 1;
};

// A file's contents, so that a test can change them before they are written.
struct TinyDrafter {
  struct Tensor {
    SafetensorsType type = SafetensorsType::kF32;
    std::vector<int64_t> shape;
    std::string bytes;
  };
  std::map<std::string, std::string> metadata;
  std::map<std::string, Tensor> tensors;

  // Writes the file; ends the test program if it cannot.
  void Write(const std::string& path) const;
};

// The draft vocabulary has the tokens 3, 6, 9, ...
TinyDrafter BuildTinyDrafter(const TinyDrafterOptions& options);

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_TESTING_TINY_DRAFTER_H_
