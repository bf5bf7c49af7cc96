#include "drafter/network/drafter_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"

namespace chimera {
namespace {

constexpr char kFormat[] = "chimera-drafter-1";
constexpr char kEmbedding[] = "residual_head.embedding";

template <typename... Parts>
absl::Status Invalid(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// Reads values of the metadata.
class MetadataReader {
 public:
  explicit MetadataReader(const SafetensorsFile& file) : metadata_(file.metadata()) {}

  absl::Status Read(const std::string& key, std::string* value) const {
    const auto entry = metadata_.find(key);
    if (entry == metadata_.end()) {
      return absl::NotFoundError(absl::StrCat("metadata \"", key, "\" is missing"));
    }
    *value = entry->second;
    return absl::OkStatus();
  }

  absl::Status Read(const std::string& key, int32_t* value) const {
    std::string text;
    CHIMERA_RETURN_IF_ERROR(Read(key, &text));
    if (absl::SimpleAtoi(text, value)) return absl::OkStatus();
    return Invalid("metadata \"", key, "\" is \"", text, "\", must be an integer");
  }

  absl::Status Read(const std::string& key, float* value) const {
    std::string text;
    CHIMERA_RETURN_IF_ERROR(Read(key, &text));
    if (absl::SimpleAtof(text, value) && std::isfinite(*value)) return absl::OkStatus();
    return Invalid("metadata \"", key, "\" is \"", text, "\", must be a number");
  }

  absl::Status Read(const std::string& key, std::vector<int32_t>* values) const {
    std::string text;
    CHIMERA_RETURN_IF_ERROR(Read(key, &text));
    for (const absl::string_view part : absl::StrSplit(text, ',')) {
      int32_t value = 0;
      if (!absl::SimpleAtoi(part, &value)) {
        return Invalid("metadata \"", key, "\" is \"", text, "\", must be integers with commas");
      }
      values->push_back(value);
    }
    return absl::OkStatus();
  }

 private:
  const std::map<std::string, std::string>& metadata_;
};

absl::Status ReadConfig(const MetadataReader& metadata, DraftNetworkConfig* config) {
  std::string format;
  CHIMERA_RETURN_IF_ERROR(metadata.Read("format", &format));
  if (format != kFormat) return Invalid("format is \"", format, "\", must be \"", kFormat, "\"");
  CHIMERA_RETURN_IF_ERROR(metadata.Read("name", &config->name));
  CHIMERA_RETURN_IF_ERROR(metadata.Read("target_name", &config->target_name));
  CHIMERA_RETURN_IF_ERROR(metadata.Read("target_identity", &config->target.identity));
  CHIMERA_RETURN_IF_ERROR(metadata.Read("target_weights", &config->target.weights));
  CHIMERA_RETURN_IF_ERROR(metadata.Read("hidden_size", &config->hidden_size));
  CHIMERA_RETURN_IF_ERROR(metadata.Read("query_head_count", &config->query_head_count));
  CHIMERA_RETURN_IF_ERROR(metadata.Read("kv_head_count", &config->kv_head_count));
  CHIMERA_RETURN_IF_ERROR(metadata.Read("head_dim", &config->head_dim));
  CHIMERA_RETURN_IF_ERROR(metadata.Read("ffn_size", &config->ffn_size));
  CHIMERA_RETURN_IF_ERROR(metadata.Read("rope_base", &config->rope_base));
  CHIMERA_RETURN_IF_ERROR(metadata.Read("rms_norm_epsilon", &config->rms_norm_epsilon));
  CHIMERA_RETURN_IF_ERROR(metadata.Read("trigram_hidden_size", &config->trigram_hidden_size));
  CHIMERA_RETURN_IF_ERROR(metadata.Read("trigram_order", &config->trigram_order));
  CHIMERA_RETURN_IF_ERROR(metadata.Read("tapped_layers", &config->tapped_layers));
  CHIMERA_RETURN_IF_ERROR(metadata.Read("depth_heads", &config->depth_heads));
  CHIMERA_RETURN_IF_ERROR(metadata.Read("draft_vocab_size", &config->draft_vocab_size));
  CHIMERA_RETURN_IF_ERROR(metadata.Read("context_window", &config->context_window));
  return ValidateDraftNetworkConfig(*config);
}

absl::Status CheckFinite(const std::string& name, const TensorView& view) {
  std::vector<float> row(view.columns);
  for (int64_t i = 0; i < view.rows; ++i) {
    Dequantize(view.type, view.row(i), row);
    if (!std::all_of(row.begin(), row.end(), [](float value) { return std::isfinite(value); })) {
      return Invalid(name, ": row ", i, " has a number that is not finite");
    }
  }
  return absl::OkStatus();
}

// Finds tensors and checks them.
class WeightReader {
 public:
  WeightReader(const SafetensorsFile& file, const MetadataReader& metadata)
      : file_(file), metadata_(metadata) {}

  // A matrix of `rows` rows, as a view into the file.
  absl::Status Read(const std::string& name, int64_t rows, int64_t columns,
                    TensorView* view) const {
    CHIMERA_ASSIGN_OR_RETURN(const SafetensorsTensor* const tensor, file_.Find(name));
    CHIMERA_ASSIGN_OR_RETURN(view->type, ElementType(name, *tensor));
    view->rows = rows;
    view->columns = columns;
    view->bytes = tensor->bytes;
    if (columns % BlockElements(view->type) != 0) {
      return Invalid(name, ": ", columns, " columns are not whole blocks of ",
                     DataTypeName(view->type));
    }
    const int64_t row_size =
        tensor->type == SafetensorsType::kU8 ? view->row_bytes() : view->columns;
    const std::vector<int64_t> shape = {rows, row_size};
    if (tensor->shape != shape) {
      return Invalid(name, ": has another shape than [", rows, ", ", row_size, "]");
    }
    return CheckFinite(name, *view);
  }

  // One row.
  absl::Status ReadNorm(const std::string& name, int64_t size, TensorView* view) const {
    return ReadNorms(name, 1, size, view);
  }

  absl::Status ReadNorms(const std::string& name, int64_t count, int64_t size,
                         TensorView* view) const {
    CHIMERA_ASSIGN_OR_RETURN(const SafetensorsTensor* const tensor, file_.Find(name));
    if (tensor->type != SafetensorsType::kF32 ||
        static_cast<int64_t>(tensor->bytes.size()) != count * size * 4) {
      return Invalid(name, ": must be F32 with ", count * size, " elements");
    }
    *view = {.type = DataType::kF32, .rows = count, .columns = size, .bytes = tensor->bytes};
    return CheckFinite(name, *view);
  }

  absl::Status ReadVocabulary(int64_t size, std::vector<int32_t>* vocabulary) const {
    constexpr char kName[] = "draft_vocabulary";
    CHIMERA_ASSIGN_OR_RETURN(const SafetensorsTensor* const tensor, file_.Find(kName));
    if (tensor->type != SafetensorsType::kI32 ||
        static_cast<int64_t>(tensor->bytes.size()) != size * 4) {
      return Invalid(kName, ": must be I32 with ", size, " elements");
    }
    vocabulary->resize(size);
    std::memcpy(vocabulary->data(), tensor->bytes.data(), tensor->bytes.size());
    for (int64_t i = 0; i < size; ++i) {
      if ((*vocabulary)[i] < (i == 0 ? 0 : (*vocabulary)[i - 1] + 1)) {
        return Invalid(kName, ": element ", i, " is ", (*vocabulary)[i],
                       ", must be ascending from 0 on");
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<DataType> ElementType(const std::string& name,
                                       const SafetensorsTensor& tensor) const {
    if (tensor.type == SafetensorsType::kU8) return BlockType(name);
    if (const std::optional<DataType> type = FloatDataType(tensor.type)) return *type;
    return Invalid(name, ": is ", SafetensorsTypeName(tensor.type),
                   ", must be F32, F16, BF16 or U8");
  }

  absl::StatusOr<DataType> BlockType(const std::string& name) const {
    const char* const key = name == kEmbedding ? "embedding_weight_type" : "weight_type";
    std::string type;
    CHIMERA_RETURN_IF_ERROR(metadata_.Read(key, &type));
    for (const DataType known : {DataType::kQ8_0, DataType::kQ4_0, DataType::kQ4_1}) {
      if (type == DataTypeName(known)) return known;
    }
    return Invalid(key, " is \"", type, "\", must be Q8_0, Q4_0 or Q4_1, for ", name, " is U8");
  }

  const SafetensorsFile& file_;
  const MetadataReader& metadata_;
};

absl::Status ReadContextEncoder(const DraftNetworkConfig& config, const WeightReader& reader,
                                ContextEncoderWeights* weights) {
  const int64_t size = config.hidden_size;
  struct Matrix {
    const char* name;
    int64_t rows;
    int64_t columns;
    TensorView* view;
  };
  const Matrix matrices[] = {
      {"input", size, 2 * size, &weights->input},
      {"query", config.query_size(), size, &weights->query},
      {"key", config.kv_size(), size, &weights->key},
      {"value", config.kv_size(), size, &weights->value},
      {"attention_output", size, config.query_size(), &weights->attention_output},
      {"ffn_gate", config.ffn_size, size, &weights->ffn_gate},
      {"ffn_up", config.ffn_size, size, &weights->ffn_up},
      {"ffn_down", size, config.ffn_size, &weights->ffn_down}};
  for (const Matrix& matrix : matrices) {
    CHIMERA_RETURN_IF_ERROR(reader.Read(absl::StrCat("context_encoder.", matrix.name), matrix.rows,
                                        matrix.columns, matrix.view));
  }
  // They are multiplied with one input, in the one form that their type asks for.
  if (weights->query.type != weights->key.type || weights->key.type != weights->value.type) {
    return Invalid("context_encoder.query, key and value are ", DataTypeName(weights->query.type),
                   ", ", DataTypeName(weights->key.type), " and ",
                   DataTypeName(weights->value.type), ", must be of one type");
  }
  const std::pair<const char*, TensorView*> norms[] = {{"token_norm", &weights->token_norm},
                                                       {"feature_norm", &weights->feature_norm},
                                                       {"attention_norm", &weights->attention_norm},
                                                       {"ffn_norm", &weights->ffn_norm}};
  for (const auto& [name, view] : norms) {
    CHIMERA_RETURN_IF_ERROR(reader.ReadNorm(absl::StrCat("context_encoder.", name), size, view));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<DrafterFile>> DrafterFile::Open(const std::string& path) {
  CHIMERA_ASSIGN_OR_RETURN(std::unique_ptr<SafetensorsFile> safetensors,
                           SafetensorsFile::Open(path));
  auto file = absl::WrapUnique(new DrafterFile(std::move(safetensors)));
  if (const absl::Status read = file->Read(); !read.ok()) {
    return absl::Status(read.code(), absl::StrCat(path, ": ", read.message()));
  }
  return file;
}

absl::Status DrafterFile::Read() {
  const MetadataReader metadata(*file_);
  CHIMERA_RETURN_IF_ERROR(ReadConfig(metadata, &config_));
  const WeightReader reader(*file_, metadata);
  const int64_t size = config_.hidden_size;
  const int64_t trigram_size = config_.trigram_hidden_size;
  const int64_t taps = static_cast<int64_t>(config_.tapped_layers.size());
  CHIMERA_RETURN_IF_ERROR(reader.Read("trigram_encoder.w1", trigram_size,
                                      config_.trigram_order * size, &weights_.trigram_encoder.w1));
  CHIMERA_RETURN_IF_ERROR(
      reader.Read("trigram_encoder.w2", size, trigram_size, &weights_.trigram_encoder.w2));
  CHIMERA_RETURN_IF_ERROR(
      reader.ReadNorms("fuse.norms", taps, size, &weights_.feature_fusion.norms));
  CHIMERA_RETURN_IF_ERROR(
      reader.Read("fuse.weight", size, taps * size, &weights_.feature_fusion.weight));
  CHIMERA_RETURN_IF_ERROR(ReadContextEncoder(config_, reader, &weights_.context_encoder));
  ResidualHeadWeights& head = weights_.residual_head;
  CHIMERA_RETURN_IF_ERROR(
      reader.Read("residual_head.weight", config_.depth_heads * size, size, &head.weight));
  CHIMERA_RETURN_IF_ERROR(reader.ReadNorm("residual_head.norm", size, &head.norm));
  CHIMERA_RETURN_IF_ERROR(reader.Read(kEmbedding, config_.draft_vocab_size, size, &head.embedding));
  return reader.ReadVocabulary(config_.draft_vocab_size, &head.vocabulary);
}

}  // namespace chimera
