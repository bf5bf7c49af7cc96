// What chimera-generate is told to do.

#ifndef CHIMERA_TOOLS_CHIMERA_GENERATE_CONFIG_H_
#define CHIMERA_TOOLS_CHIMERA_GENERATE_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

namespace chimera {

// Validated, but for what depends on the model.
struct GenerateConfig {
  std::string model_path;
  std::string device = "cpu";
  int thread_count = 1;
  std::string prompt_path;                  // JSON lines, see prompt_file.h
  std::string target_identity;              // that the model must have; empty: any
  std::string output_path;                  // an existing folder, which gets the shards
  std::vector<int32_t> tapped_layers;       // ascending, as in StepBatch; may be empty
  int32_t batch_size = 64;                  // sequences decoded together
  int32_t prefill_chunk = 256;              // given tokens read per step
  int32_t max_length = 512;                 // positions of a sequence, prompt and answer
  int32_t max_tokens = 256;                 // of an answer, unless its prompt says so
  int64_t shard_tokens = int64_t{1} << 16;  // tokens from which a shard is written
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_GENERATE_CONFIG_H_
