// Names a model, so that a drafter is never used for a target it was not made for.

#ifndef CHIMERA_COMMON_MODEL_FINGERPRINT_H_
#define CHIMERA_COMMON_MODEL_FINGERPRINT_H_

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "common/model/llama_config.h"
#include "common/model/tensor_view.h"
#include "common/model/vocabulary.h"

namespace chimera {

// Both parts are lower-case hexadecimal SHA-256.
struct Fingerprint {
  // Canonical configuration, vocabulary, merges and chat template. Verifier and drafter must agree
  // on it.
  std::string identity;
  // Tensor table and tensor bytes. May differ between quantisations of one model.
  std::string weights;

  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

// Fingerprint::identity. The digest is of these values in this order; integers, booleans (0 or 1)
// and token types (their number in GGUF) as 8 bytes little-endian, fp32 by their bits as an
// integer, strings as length and bytes, lists as length and elements:
//   "chimera identity 1"; layer_count, hidden_size, query_head_count, kv_head_count, head_dim,
//   ffn_size, vocab_size, context_length, rope_base, rms_norm_epsilon, tied_embedding;
//   tokenizer_model, pre_tokenizer, tokens, types, merges, chat_template, bos_id, eos_id,
//   padding_id, add_bos.
std::string IdentityFingerprint(const LlamaConfig& config, const Vocabulary& vocabulary);

// Fingerprint::weights of tensors by name, independent of where they lie in the file. The digest is
// of, coded as above: "chimera weights 1", then for every tensor in the order of their names: name,
// type name, rows, columns, bytes (as a string). Reads the whole file: about a second per GB.
std::string WeightsFingerprint(const std::map<absl::string_view, TensorView>& tensors);

}  // namespace chimera

#endif  // CHIMERA_COMMON_MODEL_FINGERPRINT_H_
