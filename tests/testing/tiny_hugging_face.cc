#include "tests/testing/tiny_hugging_face.h"

#include <filesystem>
#include <span>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "common/base/check.h"
#include "common/model/safetensors_writer.h"
#include "tests/testing/gguf_writer.h"

namespace chimera::testing {
namespace {

using Json = nlohmann::json;

// "blk.1.attn_q.weight" -> "model.layers.1.self_attn.q_proj.weight"
std::string HuggingFaceName(const std::string& name) {
  return absl::StrReplaceAll(name, {{"token_embd", "model.embed_tokens"},
                                    {"output_norm", "model.norm"},
                                    {"output.weight", "lm_head.weight"},
                                    {"blk.", "model.layers."},
                                    {"attn_norm", "input_layernorm"},
                                    {"attn_output.weight", "self_attn.o_proj.weight"},
                                    {"attn_q", "self_attn.q_proj"},
                                    {"attn_k", "self_attn.k_proj"},
                                    {"attn_v", "self_attn.v_proj"},
                                    {"ffn_norm", "post_attention_layernorm"},
                                    {"ffn_gate", "mlp.gate_proj"},
                                    {"ffn_up", "mlp.up_proj"},
                                    {"ffn_down", "mlp.down_proj"}});
}

SafetensorsType TypeOf(uint32_t ggml_type) {
  if (ggml_type == GgmlTypeNumber(DataType::kF32)) return SafetensorsType::kF32;
  if (ggml_type == GgmlTypeNumber(DataType::kF16)) return SafetensorsType::kF16;
  CHIMERA_CHECK(ggml_type == GgmlTypeNumber(DataType::kBf16)) << ggml_type;
  return SafetensorsType::kBf16;
}

// Of each head first the rows of even index, then those of odd index: the inverse of what the
// conversion to GGUF does.
std::string SplitHeads(const std::string& rows, size_t row_bytes, size_t head_dim) {
  const size_t head_bytes = head_dim * row_bytes;
  std::string split;
  for (size_t head = 0; head < rows.size(); head += head_bytes) {
    for (size_t first = 0; first < 2; ++first) {
      for (size_t row = first; row < head_dim; row += 2) {
        split += rows.substr(head + row * row_bytes, row_bytes);
      }
    }
  }
  return split;
}

TinyHuggingFace::Tensor Convert(const GgufWriterTensor& tensor, int32_t head_dim) {
  TinyHuggingFace::Tensor converted{TypeOf(tensor.type), {}, tensor.data};
  for (const uint64_t dimension : tensor.dimensions) {
    converted.shape.insert(converted.shape.begin(), static_cast<int64_t>(dimension));
  }
  if (absl::StrContains(tensor.name, "attn_q.") || absl::StrContains(tensor.name, "attn_k.")) {
    const size_t row_bytes = tensor.data.size() / static_cast<size_t>(converted.shape[0]);
    converted.bytes = SplitHeads(tensor.data, row_bytes, static_cast<size_t>(head_dim));
  }
  return converted;
}

Json Config(const TinyLlamaOptions& options) {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"attention_bias", false},
          {"hidden_act", "silu"},
          {"hidden_size", options.hidden_size},
          {"intermediate_size", options.ffn_size},
          {"num_hidden_layers", options.layer_count},
          {"num_attention_heads", options.query_heads},
          {"num_key_value_heads", options.kv_heads},
          {"head_dim", options.head_dim},
          {"max_position_embeddings", options.context_length},
          {"rms_norm_eps", 1e-5},
          {"rope_theta", 10000.0},
          {"rope_scaling", nullptr},
          {"tie_word_embeddings", options.tied_embedding},
          {"vocab_size", options.vocab_size}};
}

Json TokenizerOf(const Vocabulary& vocabulary) {
  CHIMERA_CHECK(vocabulary.pre_tokenizer == "smollm") << vocabulary.pre_tokenizer;
  Json vocab = Json::object();
  Json added = Json::array();
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.types[id] == TokenType::kNormal) {
      vocab[vocabulary.tokens[id]] = id;
    } else {
      added.push_back({{"id", id},
                       {"content", vocabulary.tokens[id]},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", false},
                       {"special", true}});
    }
  }
  const Json byte_level = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};
  return {{"version", "1.0"},
          {"added_tokens", added},
          {"normalizer", nullptr},
          {"pre_tokenizer",
           {{"type", "Sequence"},
            {"pretokenizers", {{{"type", "Digits"}, {"individual_digits", true}}, byte_level}}}},
          {"post_processor", nullptr},
          {"decoder", byte_level},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"ignore_merges", false},
            {"vocab", vocab},
            {"merges", vocabulary.merges}}}};
}

Json TokenizerConfigOf(const Vocabulary& vocabulary) {
  return {{"bos_token", vocabulary.tokens[vocabulary.bos_id]},
          {"eos_token", {{"content", vocabulary.tokens[vocabulary.eos_id]}, {"lstrip", false}}},
          {"pad_token", vocabulary.tokens[vocabulary.padding_id]},
          {"chat_template", vocabulary.chat_template}};
}

using Tensors = std::map<std::string, TinyHuggingFace::Tensor>;

void WriteTensors(const std::string& path, const Tensors& tensors) {
  std::vector<SafetensorsEntry> entries;
  for (const auto& [name, tensor] : tensors) {
    entries.push_back({name, tensor.type, tensor.shape, std::as_bytes(std::span(tensor.bytes))});
  }
  const absl::Status status = WriteSafetensors(path, entries, {{"format", "pt"}});
  CHIMERA_CHECK(status.ok()) << status;
}

void WriteTexts(const TinyHuggingFace& model, const std::string& folder) {
  std::filesystem::create_directories(folder);
  WriteFile(folder + "/config.json", model.config.dump());
  WriteFile(folder + "/tokenizer.json", model.tokenizer.dump());
  WriteFile(folder + "/tokenizer_config.json", model.tokenizer_config.dump());
}

}  // namespace

TinyHuggingFace BuildTinyHuggingFace(const TinyLlamaOptions& options) {
  const Vocabulary vocabulary = TinyVocabulary(options.vocab_size);
  TinyHuggingFace model{.config = Config(options),
                        .tokenizer = TokenizerOf(vocabulary),
                        .tokenizer_config = TokenizerConfigOf(vocabulary),
                        .tensors = {}};
  const GgufWriter gguf = BuildTinyLlama(options);
  for (const GgufWriterTensor& tensor : gguf.tensors()) {
    model.tensors[HuggingFaceName(tensor.name)] = Convert(tensor, options.head_dim);
  }
  return model;
}

void TinyHuggingFace::Write(const std::string& folder) const {
  WriteTexts(*this, folder);
  WriteTensors(folder + "/model.safetensors", tensors);
}

void TinyHuggingFace::WriteSharded(const std::string& folder, int shard_count) const {
  WriteTexts(*this, folder);
  std::map<std::string, Tensors> shards;
  Json weight_map = Json::object();
  int number = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::string file = absl::StrCat("model-", number++ % shard_count, ".safetensors");
    shards[file].emplace(name, tensor);
    weight_map[name] = file;
  }
  for (const auto& [file, content] : shards) WriteTensors(absl::StrCat(folder, "/", file), content);
  WriteFile(folder + "/model.safetensors.index.json",
            Json({{"metadata", Json::object()}, {"weight_map", weight_map}}).dump());
}

}  // namespace chimera::testing
