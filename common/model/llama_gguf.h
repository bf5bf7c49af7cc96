// What a GGUF file says about a LLaMA model.

#ifndef CHIMERA_COMMON_MODEL_LLAMA_GGUF_H_
#define CHIMERA_COMMON_MODEL_LLAMA_GGUF_H_

#include "absl/status/statusor.h"
#include "common/model/gguf_file.h"
#include "common/model/llama_config.h"
#include "common/model/llama_weights.h"

namespace chimera {

// The validated configuration. UNIMPLEMENTED, naming it, for an architecture other than "llama" and
// for any "llama." key that Chimera does not know or whose value it does not support (scaled RoPE,
// experts): ignoring one would give another model's answers. INVALID_ARGUMENT for a missing or
// impossible value.
absl::StatusOr<LlamaConfig> ReadLlamaConfig(const GgufFile& file);

// Views of the weights. NOT_FOUND for a missing tensor, INVALID_ARGUMENT for one of a wrong shape,
// UNIMPLEMENTED for a norm in a quantised type and for a tensor that a LLaMA model does not have;
// each names the tensor.
absl::StatusOr<LlamaWeights> ReadLlamaWeights(const GgufFile& file, const LlamaConfig& config);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_LLAMA_GGUF_H_
