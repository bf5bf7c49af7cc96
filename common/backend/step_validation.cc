#include "common/backend/step_validation.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/model/target_info.h"

namespace chimera {
namespace {

template <typename... Pieces>
absl::Status Invalid(const Pieces&... pieces) {
  return absl::InvalidArgumentError(absl::StrCat(pieces...));
}

// Positions that the rows of `step` need, from 0.
int64_t EndPosition(const SequenceStep& step) {
  int rows = static_cast<int>(step.chunk.size());
  if (step.tree != nullptr) {
    for (int node = 0; node < step.tree->size(); ++node) {
      rows = std::max(rows, step.tree->depth(node) + 1);
    }
  }
  return int64_t{step.context_length} + rows;
}

absl::Status ValidateTokens(std::span<const int32_t> tokens, const LlamaConfig& config) {
  for (const int32_t token : tokens) {
    if (token < 0 || token >= config.vocab_size) {
      return Invalid("token ", token, ", must be in [0, ", config.vocab_size, ")");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateSequence(const SequenceStep& step, const LlamaConfig& config,
                              const BackendLimits& limits) {
  if (step.slot < 0 || step.slot >= limits.slot_count) {
    return Invalid("slot ", step.slot, ", must be in [0, ", limits.slot_count, ")");
  }
  if ((step.tree != nullptr) == !step.chunk.empty()) {
    return Invalid(step.tree != nullptr ? "has both a chunk and a tree"
                                        : "has neither a chunk nor a tree");
  }
  if (step.context_length < 0 || EndPosition(step) > config.context_length) {
    return Invalid("context_length ", step.context_length, " and rows up to position ",
                   EndPosition(step) - 1, ", must be in [0, ", config.context_length, ")");
  }
  const int64_t paged = step.context_length + static_cast<int64_t>(step.chunk.size());
  CHIMERA_RETURN_IF_ERROR(ValidatePageTable(step.pages, paged, limits));
  CHIMERA_RETURN_IF_ERROR(
      ValidateTokens(step.tree != nullptr ? step.tree->tokens() : step.chunk, config));
  return ValidateSamplingParams(step.sampling);
}

absl::Status ValidateTappedLayers(std::span<const int32_t> layers, const LlamaConfig& config) {
  if (CanTapLayers(layers, config.layer_count)) return absl::OkStatus();
  return Invalid("tapped layers [", absl::StrJoin(layers, ", "), "], must ascend within [0, ",
                 config.layer_count, "]");
}

// A value that occurs more than once, if there is one. Sorts the values.
std::optional<int32_t> FindRepeated(std::vector<int32_t>* values) {
  std::sort(values->begin(), values->end());
  const auto repeated = std::adjacent_find(values->begin(), values->end());
  if (repeated == values->end()) return std::nullopt;
  return *repeated;
}

absl::Status ValidateSlotsDiffer(const StepBatch& batch) {
  std::vector<int32_t> slots;
  for (const SequenceStep& step : batch.sequences) slots.push_back(step.slot);
  const auto repeated = FindRepeated(&slots);
  if (!repeated.has_value()) return absl::OkStatus();
  return Invalid("slot ", *repeated, " is used by two sequences");
}

// Chunks are written to pages; trees are not.
absl::Status ValidateWrittenPagesDiffer(const StepBatch& batch) {
  std::vector<int32_t> written;
  for (const SequenceStep& step : batch.sequences) {
    if (step.chunk.empty()) continue;
    const int64_t end = EndPosition(step);
    const int64_t first = step.context_length / kPagePositions;
    const int64_t last = (end - 1) / kPagePositions;
    const auto pages = step.pages.subspan(first, last - first + 1);
    written.insert(written.end(), pages.begin(), pages.end());
  }
  const auto repeated = FindRepeated(&written);
  if (!repeated.has_value()) return absl::OkStatus();
  return Invalid("page ", *repeated, " is written twice");
}

}  // namespace

absl::Status ValidatePageTable(std::span<const int32_t> pages, int64_t position_count,
                               const BackendLimits& limits) {
  const int64_t needed = (position_count + kPagePositions - 1) / kPagePositions;
  if (needed > limits.page_count) {
    return Invalid(position_count, " positions, must be at most ",
                   int64_t{limits.page_count} * kPagePositions, ", the pool's");
  }
  if (static_cast<int64_t>(pages.size()) < needed) {
    return Invalid(pages.size(), " pages for ", position_count, " positions, must be at least ",
                   needed);
  }
  for (const int32_t page : pages.first(needed)) {
    if (page < 0 || page >= limits.page_count) {
      return Invalid("page ", page, ", must be in [0, ", limits.page_count, ")");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateStepBatch(const StepBatch& batch, const LlamaConfig& config,
                               const BackendLimits& limits) {
  int64_t rows = 0;
  for (size_t i = 0; i < batch.sequences.size(); ++i) {
    const absl::Status status = ValidateSequence(batch.sequences[i], config, limits);
    if (!status.ok()) return Invalid("sequence ", i, ": ", status.message());
    rows += batch.sequences[i].row_count();
  }
  if (rows > limits.max_step_rows) {
    return Invalid(rows, " rows, must be at most ", limits.max_step_rows);
  }
  CHIMERA_RETURN_IF_ERROR(ValidateSlotsDiffer(batch));
  CHIMERA_RETURN_IF_ERROR(ValidateWrittenPagesDiffer(batch));
  return ValidateTappedLayers(batch.tapped_layers, config);
}

absl::Status ValidateBackendLimits(const BackendLimits& limits) {
  if (limits.page_count < 1) return Invalid("page_count ", limits.page_count, ", must be positive");
  if (limits.slot_count < 1) return Invalid("slot_count ", limits.slot_count, ", must be positive");
  if (limits.max_step_rows < 1) {
    return Invalid("max_step_rows ", limits.max_step_rows, ", must be positive");
  }
  return absl::OkStatus();
}

}  // namespace chimera
