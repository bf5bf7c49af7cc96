// Generated sequences in files that chimera-train reads.

#ifndef CHIMERA_TOOLS_CHIMERA_GENERATE_SHARD_WRITER_H_
#define CHIMERA_TOOLS_CHIMERA_GENERATE_SHARD_WRITER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/tokenizer/tokenizer.h"
#include "tools/chimera_generate/batch_decoder.h"

namespace chimera {

// What all shards of a folder have in common.
struct ShardContent {
  // Metadata of each file, which chimera_train/dataset.py reads; every entry is equal in all shards
  // of a folder.
  std::map<std::string, std::string> metadata;
  int64_t tapped_layer_count = 0;
  int64_t hidden_size = 0;
};

// Writes shard-00000.safetensors, shard-00001.safetensors, ... A shard appears under its name when
// it is complete, so that a run that was cut off goes on behind it. Tensors:
//
//   token_ids I32 [n_tokens]              prompt and answer, sequence after sequence
//   hidden_states BF16 [n_tokens, n_tapped, hidden_size]
//                                         the row of a sequence's last token, which the target has
//                                         not seen, is zero; absent if nothing is tapped
//   sequence_starts I64 [n_sequences + 1] index of each first token, and n_tokens
//   response_starts I64 [n_sequences]     index of each answer's first token
//   prompt_index I64 [n_sequences]        line of the prompt file
//   temperature F32 [n_sequences]
//
// shard-00000.jsonl beside it holds an object {"prompt_index", "response"} per sequence. One
// thread.
class ShardWriter {
 public:
  // Goes on behind the shards of `folder`. INVALID_ARGUMENT if they were made for something else;
  // NOT_FOUND if there is no such folder. `tokenizer` must outlive the object.
  static absl::StatusOr<std::unique_ptr<ShardWriter>> Open(std::string folder, ShardContent content,
                                                           const Tokenizer* tokenizer);

  // Whether a shard that was there has the answer to a prompt.
  bool HasAnswer(int64_t prompt_index) const { return answered_.contains(prompt_index); }

  void Add(const GeneratedSequence& sequence);

  // Tokens added since the last shard.
  int64_t pending_tokens() const { return static_cast<int64_t>(token_ids_.size()); }

  // Writes what was added as one shard; nothing if that is nothing.
  absl::Status Flush();

 private:
  ShardWriter(std::string folder, ShardContent content, const Tokenizer* tokenizer);
  absl::Status ReadShard(const std::string& path);
  std::string ShardPath(const char* extension) const;
  absl::Status WriteResponses() const;

  const std::string folder_;
  const ShardContent content_;
  const Tokenizer* const tokenizer_;
  absl::flat_hash_set<int64_t> answered_;
  int shard_index_ = 0;

  std::vector<int32_t> token_ids_;
  std::vector<uint16_t> hidden_states_;
  std::vector<int64_t> sequence_starts_ = {0};
  std::vector<int64_t> response_starts_;
  std::vector<int64_t> prompt_index_;
  std::vector<float> temperature_;
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_GENERATE_SHARD_WRITER_H_
