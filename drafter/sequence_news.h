// One sequence's part of a StepRequest, checked as far as that needs no history.

#ifndef CHIMERA_DRAFTER_SEQUENCE_NEWS_H_
#define CHIMERA_DRAFTER_SEQUENCE_NEWS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "chimera/v1/drafter_service.pb.h"
#include "common/rpc/proto_conversion.h"
#include "common/sampling/sampling_params.h"

namespace chimera {

// The status that ends a stream: INVALID_ARGUMENT with PROTOCOL_VIOLATION and the path of the field
// that is wrong, such as "step.sequences[2].epoch", in message and detail.
absl::Status ProtocolViolation(absl::string_view field, absl::string_view message);

// What the target allows in an update.
struct SequenceLimits {
  int32_t vocab_size = 0;
  int32_t context_length = 0;  // positions that a sequence may have
  HiddenRowShape row_shape;    // n_tapped may be 0
};

// The fields of v1::SequenceUpdate, which documents them.
struct SequenceNews {
  int64_t sequence_id = 0;
  int32_t epoch = 0;
  int32_t start_position = 0;
  std::span<const int32_t> token_ids;  // in the message
  int32_t hidden_start_position = 0;
  int32_t hidden_row_count = 0;
  std::vector<uint16_t> hidden_states;  // [hidden_row_count, n_tapped, hidden_size]
  std::optional<SamplingParams> sampling;
  int32_t node_budget = 0;
  int32_t max_depth = 0;

  // Position after the last token. Fits: checked.
  int32_t end_position() const { return start_position + static_cast<int32_t>(token_ids.size()); }
};

// Reads an update, which may come from anybody and must outlive the result. `path` is its own field
// path. Errors: ProtocolViolation.
absl::StatusOr<SequenceNews> ParseSequenceUpdate(const v1::SequenceUpdate& update,
                                                 const SequenceLimits& limits,
                                                 const std::string& path);

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_SEQUENCE_NEWS_H_
