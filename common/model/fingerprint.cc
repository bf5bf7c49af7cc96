#include "common/model/fingerprint.h"

#include <bit>
#include <cstdint>
#include <vector>

#include "common/base/sha256.h"

namespace chimera {
namespace {

void AddConfig(const LlamaConfig& config, Sha256* hash) {
  for (const int32_t value :
       {config.layer_count, config.hidden_size, config.query_head_count, config.kv_head_count,
        config.head_dim, config.ffn_size, config.vocab_size, config.context_length}) {
    hash->AddInteger(value);
  }
  hash->AddInteger(std::bit_cast<uint32_t>(config.rope_base));
  hash->AddInteger(std::bit_cast<uint32_t>(config.rms_norm_epsilon));
  hash->AddInteger(config.tied_embedding ? 1 : 0);
}

void AddStrings(const std::vector<std::string>& strings, Sha256* hash) {
  hash->AddInteger(static_cast<int64_t>(strings.size()));
  for (const std::string& text : strings) hash->AddString(text);
}

void AddVocabulary(const Vocabulary& vocabulary, Sha256* hash) {
  hash->AddString(vocabulary.tokenizer_model);
  hash->AddString(vocabulary.pre_tokenizer);
  AddStrings(vocabulary.tokens, hash);
  hash->AddInteger(static_cast<int64_t>(vocabulary.types.size()));
  for (const TokenType type : vocabulary.types) hash->AddInteger(static_cast<int64_t>(type) + 1);
  AddStrings(vocabulary.merges, hash);
  hash->AddString(vocabulary.chat_template);
  hash->AddInteger(vocabulary.bos_id);
  hash->AddInteger(vocabulary.eos_id);
  hash->AddInteger(vocabulary.padding_id);
  hash->AddInteger(vocabulary.add_bos ? 1 : 0);
}

}  // namespace

std::string IdentityFingerprint(const LlamaConfig& config, const Vocabulary& vocabulary) {
  Sha256 hash;
  hash.AddString("chimera identity 1");
  AddConfig(config, &hash);
  AddVocabulary(vocabulary, &hash);
  return hash.Finish();
}

std::string WeightsFingerprint(const std::map<absl::string_view, TensorView>& tensors) {
  Sha256 hash;
  hash.AddString("chimera weights 1");
  for (const auto& [name, tensor] : tensors) {
    hash.AddString(name);
    hash.AddString(DataTypeName(tensor.type));
    hash.AddInteger(tensor.rows);
    hash.AddInteger(tensor.columns);
    hash.AddInteger(static_cast<int64_t>(tensor.bytes.size()));
    hash.AddBytes(tensor.bytes);
  }
  return hash.Finish();
}

}  // namespace chimera
