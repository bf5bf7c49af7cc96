#include "tools/chimera_generate/shard_writer.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "common/model/safetensors_file.h"
#include "common/model/safetensors_writer.h"

namespace chimera {
namespace {

template <typename T>
std::span<const std::byte> Bytes(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

}  // namespace

ShardWriter::ShardWriter(std::string folder, ShardContent content, const Tokenizer* tokenizer)
    : folder_(std::move(folder)), content_(std::move(content)), tokenizer_(tokenizer) {}

absl::StatusOr<std::unique_ptr<ShardWriter>> ShardWriter::Open(std::string folder,
                                                               ShardContent content,
                                                               const Tokenizer* tokenizer) {
  if (!std::filesystem::is_directory(folder)) {
    return absl::NotFoundError(absl::StrCat(folder, ": no such folder"));
  }
  auto writer = absl::WrapUnique(new ShardWriter(std::move(folder), std::move(content), tokenizer));
  for (;;) {
    const std::string path = writer->ShardPath("safetensors");
    if (!std::filesystem::exists(path)) return writer;
    CHIMERA_RETURN_IF_ERROR(writer->ReadShard(path));
    ++writer->shard_index_;
  }
}

absl::Status ShardWriter::ReadShard(const std::string& path) {
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<SafetensorsFile> file,
                           SafetensorsFile::Open(path));
  if (file->metadata() != content_.metadata) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": made by another model or with other settings"));
  }
  CHIMERA_ASSIGN_OR_RETURN(const SafetensorsTensor* const index, file->Find("prompt_index"));
  if (index->type != SafetensorsType::kI64) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": prompt_index is not I64"));
  }
  for (size_t at = 0; at < index->bytes.size(); at += sizeof(int64_t)) {
    int64_t prompt = 0;
    std::memcpy(&prompt, index->bytes.data() + at, sizeof(prompt));
    answered_.insert(prompt);
  }
  return absl::OkStatus();
}

std::string ShardWriter::ShardPath(const char* extension) const {
  return absl::StrFormat("%s/shard-%05d.%s", folder_, shard_index_, extension);
}

void ShardWriter::Add(const GeneratedSequence& sequence) {
  const int64_t start = sequence_starts_.back();
  response_starts_.push_back(start + sequence.response_start);
  prompt_index_.push_back(sequence.prompt_index);
  temperature_.push_back(sequence.temperature);
  token_ids_.insert(token_ids_.end(), sequence.token_ids.begin(), sequence.token_ids.end());
  sequence_starts_.push_back(static_cast<int64_t>(token_ids_.size()));
  hidden_states_.insert(hidden_states_.end(), sequence.hidden_states.begin(),
                        sequence.hidden_states.end());
  hidden_states_.resize(token_ids_.size() * content_.tapped_layer_count * content_.hidden_size);
}

absl::Status ShardWriter::WriteResponses() const {
  const std::string path = ShardPath("jsonl");
  std::ofstream file(path);
  for (size_t i = 0; i < prompt_index_.size(); ++i) {
    const auto response =
        std::span(token_ids_)
            .subspan(response_starts_[i], sequence_starts_[i + 1] - response_starts_[i]);
    std::string text;
    for (const int32_t token : response) {
      if (!tokenizer_->IsControl(token)) absl::StrAppend(&text, tokenizer_->TokenBytes(token));
    }
    file << nlohmann::json({{"prompt_index", prompt_index_[i]}, {"response", text}})
                .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
         << '\n';
  }
  file.close();
  if (file.fail()) return absl::DataLossError(absl::StrCat(path, ": cannot be written"));
  return absl::OkStatus();
}

absl::Status ShardWriter::Flush() {
  if (token_ids_.empty()) return absl::OkStatus();
  CHIMERA_RETURN_IF_ERROR(WriteResponses());
  const int64_t tokens = pending_tokens();
  const int64_t sequences = static_cast<int64_t>(prompt_index_.size());
  std::vector<SafetensorsEntry> entries = {
      {"token_ids", SafetensorsType::kI32, {tokens}, Bytes(token_ids_)},
      {"sequence_starts", SafetensorsType::kI64, {sequences + 1}, Bytes(sequence_starts_)},
      {"response_starts", SafetensorsType::kI64, {sequences}, Bytes(response_starts_)},
      {"prompt_index", SafetensorsType::kI64, {sequences}, Bytes(prompt_index_)},
      {"temperature", SafetensorsType::kF32, {sequences}, Bytes(temperature_)}};
  if (content_.tapped_layer_count > 0) {
    entries.push_back({"hidden_states",
                       SafetensorsType::kBf16,
                       {tokens, content_.tapped_layer_count, content_.hidden_size},
                       Bytes(hidden_states_)});
  }
  CHIMERA_RETURN_IF_ERROR(WriteSafetensors(ShardPath("safetensors"), entries, content_.metadata));
  ++shard_index_;
  token_ids_.clear();
  hidden_states_.clear();
  sequence_starts_ = {0};
  response_starts_.clear();
  prompt_index_.clear();
  temperature_.clear();
  return absl::OkStatus();
}

}  // namespace chimera
