#include "drafter/sequence_news.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/status_conversion.h"
#include "common/tree/token_tree.h"

namespace chimera {
namespace {

// INVALID_ARGUMENT unless low <= value <= high.
absl::Status CheckRange(const std::string& field, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return ProtocolViolation(field,
                           absl::StrCat("is ", value, ", must be in [", low, ", ", high, "]"));
}

absl::Status CheckScalars(const v1::SequenceUpdate& update, int32_t context_length,
                          const std::string& path) {
  CHIMERA_RETURN_IF_ERROR(CheckRange(path + ".sequence_id", update.sequence_id(), 1,
                                     std::numeric_limits<int64_t>::max()));
  CHIMERA_RETURN_IF_ERROR(
      CheckRange(path + ".epoch", update.epoch(), 1, std::numeric_limits<int32_t>::max()));
  if (update.token_ids_size() > context_length) {
    return ProtocolViolation(path + ".token_ids",
                             absl::StrCat("has ", update.token_ids_size(), " tokens, may have ",
                                          context_length, ", the target's context length"));
  }
  CHIMERA_RETURN_IF_ERROR(CheckRange(path + ".start_position", update.start_position(), 0,
                                     context_length - update.token_ids_size()));
  CHIMERA_RETURN_IF_ERROR(
      CheckRange(path + ".node_budget", update.node_budget(), 0, TokenTree::kMaxNodes - 1));
  if (update.node_budget() == 0) return absl::OkStatus();
  return CheckRange(path + ".max_depth", update.max_depth(), 1, TokenTree::kMaxDepth);
}

absl::Status CheckTokens(const v1::SequenceUpdate& update, int32_t vocab_size,
                         const std::string& path) {
  for (int i = 0; i < update.token_ids_size(); ++i) {
    const int32_t token = update.token_ids(i);
    if (token >= 0 && token < vocab_size) continue;
    return CheckRange(absl::StrCat(path, ".token_ids[", i, "]"), token, 0, vocab_size - 1);
  }
  return absl::OkStatus();
}

absl::Status ParseSampling(const v1::SamplingParams& proto, const std::string& path,
                           SequenceNews* news) {
  if (!proto.has_seed()) return ProtocolViolation(path + ".seed", "is not set");
  const SamplingParams params = FromProto(proto, 0);
  const absl::Status valid = ValidateSamplingParams(params);
  if (!valid.ok()) return ProtocolViolation(path, valid.message());
  news->sampling = params;
  return absl::OkStatus();
}

// REQUIRES: positions and tokens of `news` are set.
absl::Status ParseHiddenStates(const v1::SequenceUpdate& update, const HiddenRowShape& row_shape,
                               const std::string& path, SequenceNews* news) {
  const std::string field = path + ".hidden_states";
  if (row_shape.n_tapped == 0) return ProtocolViolation(field, "is set, but no layer is tapped");
  absl::StatusOr<std::vector<uint16_t>> rows =
      HiddenRowsFromProto(update.hidden_states(), row_shape);
  if (!rows.ok()) return ProtocolViolation(field, rows.status().message());
  const int64_t row_count =
      static_cast<int64_t>(rows->size()) / (row_shape.n_tapped * row_shape.hidden_size);
  if (row_count == 0) return absl::OkStatus();
  // The target has not seen the newest token.
  const int64_t newest = int64_t{news->end_position()} - 1;
  if (update.hidden_start_position() < 0 || update.hidden_start_position() + row_count > newest) {
    return ProtocolViolation(
        field, absl::StrCat("has ", row_count, " rows from position ",
                            update.hidden_start_position(), ", must lie in [0, ", newest, ")"));
  }
  news->hidden_start_position = update.hidden_start_position();
  news->hidden_row_count = static_cast<int32_t>(row_count);
  news->hidden_states = *std::move(rows);
  return absl::OkStatus();
}

}  // namespace

absl::Status ProtocolViolation(absl::string_view field, absl::string_view message) {
  return ErrorWithReason(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_PROTOCOL_VIOLATION,
                         field, absl::StrCat(field, " ", message));
}

absl::StatusOr<SequenceNews> ParseSequenceUpdate(const v1::SequenceUpdate& update,
                                                 const SequenceLimits& limits,
                                                 const std::string& path) {
  CHIMERA_RETURN_IF_ERROR(CheckScalars(update, limits.context_length, path));
  CHIMERA_RETURN_IF_ERROR(CheckTokens(update, limits.vocab_size, path));
  SequenceNews news;
  news.sequence_id = update.sequence_id();
  news.epoch = update.epoch();
  news.start_position = update.start_position();
  news.token_ids = {update.token_ids().data(), static_cast<size_t>(update.token_ids_size())};
  news.node_budget = update.node_budget();
  news.max_depth = update.max_depth();
  if (update.has_sampling()) {
    CHIMERA_RETURN_IF_ERROR(ParseSampling(update.sampling(), path + ".sampling", &news));
  }
  if (update.has_hidden_states()) {
    CHIMERA_RETURN_IF_ERROR(ParseHiddenStates(update, limits.row_shape, path, &news));
  }
  return news;
}

}  // namespace chimera
