// What proposes continuations: the interface every kind of drafting implements.

#ifndef CHIMERA_DRAFTER_DRAFT_MODEL_H_
#define CHIMERA_DRAFTER_DRAFT_MODEL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/fingerprint.h"
#include "common/sampling/sampling_params.h"
#include "common/tree/candidate_source.h"
#include "common/tree/draft_prices.h"

namespace chimera {

// What a draft model is and wants; constant.
struct DraftModelInfo {
  std::string name;
  std::vector<int32_t> tapped_layers;  // ascending, as in StepBatch::tapped_layers; may be empty
  int32_t context_window = 0;          // positions of context it uses
  int32_t max_nodes = 0;               // largest tree it proposes, root excluded; in [1, 63]
  std::optional<Fingerprint> target = std::nullopt;  // model it was made for; unset: any
};

// What a draft model remembers of one sequence. Owned by the caller, understood only by the model
// that made it.
class DraftState {
 public:
  virtual ~DraftState() = default;
};

// News of one sequence and the wish for a tree. Spans are valid during the call only.
struct DraftInput {
  DraftState* state = nullptr;
  std::span<const int32_t> token_ids = {};       // newly committed, in order
  std::span<const uint16_t> hidden_states = {};  // bf16 bits, [n_positions, n_tapped, hidden_size]
  int32_t hidden_start_position = 0;             // position of the first row
  int32_t node_budget = 0;                       // root excluded; 0 asks for no tree
  int32_t max_depth = 0;
  DraftPrices prices = {};
};

// Candidates that follow a sequence's newest token, the root, which is not part of the arrays.
// Sorted by descending path probability, parents before children: every prefix is a tree.
struct ProposedTree {
  std::vector<int32_t> token_ids;
  std::vector<int32_t> parents;  // 0 is the root, i the node at index i - 1
  std::vector<float> path_probabilities;
  std::vector<CandidateSource> sources;
};

// Drafts for many sequences at once. One thread at a time.
class DraftModel {
 public:
  virtual ~DraftModel() = default;

  virtual const DraftModelInfo& info() const = 0;

  // State for a sequence whose first token will have position `start_position`, sampled as
  // `sampling` says. The model must outlive it.
  virtual std::unique_ptr<DraftState> NewState(int32_t start_position,
                                               const SamplingParams& sampling) = 0;

  // Takes in the news of each sequence, then grows its tree. Returns one tree per input, empty
  // where there is nothing to propose or no budget. No two inputs share a state. Errors, after
  // which the states of these inputs must not be used again: UNAVAILABLE if the model's device is
  // lost, and every later call fails; others as the device has them.
  virtual absl::StatusOr<std::vector<ProposedTree>> Draft(std::span<const DraftInput> inputs) = 0;
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_DRAFT_MODEL_H_
