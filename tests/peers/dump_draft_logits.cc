// Writes a draft network's logits along given tokens: the C++ side of compare_drafter.py.
//
//   dump_draft_logits DRAFTER.safetensors MODEL SHARD.safetensors <REQUESTS >LOGITS
//
// MODEL is a GGUF file or a Hugging Face folder.
// The shard, written by chimera-generate, holds sequences of tokens and the target's hidden states.
// Each input line is an object {"sequence": i, "begin": n, "end": m, "depth": d}. For k = n, ...,
// m - 1 the network knows the first k tokens of sequence i, each k one more than the last, and
// drafts along the true ones behind them: fp32 [1 + min(d, tokens behind), draft_vocab_size] are
// written in the machine's byte order, the logits after the known tokens and after each of the next
// d. With several depth heads they are [depth_heads, draft_vocab_size], whatever d is.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "common/cpu/cpu_isa.h"
#include "common/model/llama_model.h"
#include "common/model/safetensors_file.h"
#include "drafter/network/cpu_draft_network.h"
#include "drafter/network/drafter_file.h"

namespace chimera {
namespace {

constexpr int64_t kPositionLimit = 8192;

// What the network gets to know of one sequence.
struct Sequence {
  std::vector<int32_t> tokens;
  std::vector<uint16_t> states;  // [n_tokens, n_tapped, hidden_size] bf16
};

struct Request {
  int64_t sequence = 0;
  int64_t begin = 0;
  int64_t end = 0;
  int64_t depth = 0;
};

template <typename T>
absl::StatusOr<std::vector<T>> ReadElements(const SafetensorsFile& shard, const std::string& name) {
  CHIMERA_ASSIGN_OR_RETURN(const SafetensorsTensor* const tensor, shard.Find(name));
  std::vector<T> values(tensor->bytes.size() / sizeof(T));
  std::memcpy(values.data(), tensor->bytes.data(), values.size() * sizeof(T));
  return values;
}

absl::StatusOr<std::vector<Sequence>> ReadShard(const std::string& path,
                                                const DraftNetworkConfig& config) {
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<SafetensorsFile> shard,
                           SafetensorsFile::Open(path));
  const auto layers = shard->metadata().find("tapped_layers");
  const std::string expected = absl::StrJoin(config.tapped_layers, ",");
  if (layers == shard->metadata().end() || layers->second != expected) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": tapped_layers must be ", expected));
  }
  CHIMERA_ASSIGN_OR_RETURN(const auto tokens, ReadElements<int32_t>(*shard, "token_ids"));
  CHIMERA_ASSIGN_OR_RETURN(const auto starts, ReadElements<int64_t>(*shard, "sequence_starts"));
  CHIMERA_ASSIGN_OR_RETURN(const auto states, ReadElements<uint16_t>(*shard, "hidden_states"));
  const int64_t row_size = static_cast<int64_t>(config.tapped_layers.size()) * config.hidden_size;
  std::vector<Sequence> sequences;
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    sequences.push_back(
        {{tokens.begin() + starts[i], tokens.begin() + starts[i + 1]},
         {states.begin() + starts[i] * row_size, states.begin() + starts[i + 1] * row_size}});
  }
  return sequences;
}

absl::StatusOr<Request> ParseRequest(const std::string& line, std::span<const Sequence> sequences) {
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::InvalidArgumentError("a request is not an object");
  const Request request = {json.value("sequence", int64_t{-1}), json.value("begin", int64_t{0}),
                           json.value("end", int64_t{0}), json.value("depth", int64_t{0})};
  if (request.sequence < 0 || request.sequence >= static_cast<int64_t>(sequences.size()) ||
      request.begin < 2 || request.depth < 0 ||
      request.end > static_cast<int64_t>(sequences[request.sequence].tokens.size()) + 1) {
    return absl::InvalidArgumentError(absl::StrCat("a request is out of range: ", line));
  }
  return request;
}

absl::Status WriteRows(const DraftLogits& logits, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const std::span<const float> row = logits.row(i);
    if (std::fwrite(row.data(), sizeof(float), row.size(), stdout) != row.size()) {
      return absl::DataLossError("cannot write to standard output");
    }
  }
  return absl::OkStatus();
}

// The logits behind a context and behind each token of `path`.
absl::Status DraftAlong(std::span<const int32_t> path, DraftContext* context,
                        DraftNetwork* network) {
  const DraftNetworkConfig& config = network->config();
  DraftContext* const contexts[] = {context};
  CHIMERA_ASSIGN_OR_RETURN(const DraftLogits roots, network->StartTrees(contexts));
  CHIMERA_RETURN_IF_ERROR(WriteRows(roots, config.depth_heads));
  if (config.depth_heads > 1) return absl::OkStatus();
  for (size_t i = 0; i < path.size(); ++i) {
    const DraftNode node = {0, static_cast<int32_t>(i) - 1, path[i]};
    CHIMERA_ASSIGN_OR_RETURN(const DraftLogits logits, network->ExtendTrees({&node, 1}));
    CHIMERA_RETURN_IF_ERROR(WriteRows(logits, 1));
  }
  return absl::OkStatus();
}

absl::Status RunRequest(const Request& request, const Sequence& sequence, DraftNetwork* network) {
  const DraftNetworkConfig& config = network->config();
  const int64_t row_size = static_cast<int64_t>(config.tapped_layers.size()) * config.hidden_size;
  const std::span<const int32_t> tokens(sequence.tokens);
  const std::unique_ptr<DraftContext> context = network->NewContext(0);
  DraftContext* const contexts[] = {context.get()};
  int64_t told = 0;
  for (int64_t known = request.begin; known < request.end; ++known) {
    const int64_t first_row = std::max<int64_t>(told - 1, 0);  // the newest token has no state yet
    context->AddTokens(tokens.subspan(told, known - told));
    context->AddStates(first_row,
                       std::span(sequence.states)
                           .subspan(first_row * row_size, (known - 1 - first_row) * row_size));
    told = known;
    CHIMERA_RETURN_IF_ERROR(network->EncodeContexts(contexts));
    const int64_t depth = std::min<int64_t>(request.depth, std::ssize(tokens) - known);
    CHIMERA_RETURN_IF_ERROR(DraftAlong(tokens.subspan(known, depth), context.get(), network));
  }
  std::fflush(stdout);
  return absl::OkStatus();
}

absl::Status Run(const std::string& drafter_path, const std::string& model_path,
                 const std::string& shard_path) {
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<DrafterFile> file,
                           DrafterFile::Open(drafter_path));
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<LlamaModel> model, LlamaModel::Open(model_path));
  CHIMERA_ASSIGN_OR_RETURN(const std::vector<Sequence> sequences,
                           ReadShard(shard_path, file->config()));
  CpuDraftNetwork::Options options = {.threads = std::make_shared<ThreadPool>(2)};
  CHIMERA_ASSIGN_OR_RETURN(options.isa, ChooseCpuIsaFromEnvironment());
  CpuDraftNetwork network({.config = file->config(),
                           .weights = file->weights(),
                           .embedding = model->weights().token_embedding,
                           .position_limit = kPositionLimit},
                          options);
  for (std::string line; std::getline(std::cin, line);) {
    CHIMERA_ASSIGN_OR_RETURN(const Request request, ParseRequest(line, sequences));
    CHIMERA_RETURN_IF_ERROR(RunRequest(request, sequences[request.sequence], &network));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace chimera

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: dump_draft_logits DRAFTER.safetensors MODEL SHARD.safetensors"
                 " <REQUESTS >LOGITS\n"
                 "MODEL is a GGUF file or a Hugging Face folder.\n";
    return 2;
  }
  const absl::Status status = chimera::Run(argv[1], argv[2], argv[3]);
  if (!status.ok()) std::cerr << "dump_draft_logits: " << status << "\n";
  return status.ok() ? 0 : 1;
}
