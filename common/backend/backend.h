// The device that hosts the target model. Nothing above this interface knows which one it is.

#ifndef CHIMERA_COMMON_BACKEND_BACKEND_H_
#define CHIMERA_COMMON_BACKEND_BACKEND_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/model/llama_config.h"
#include "common/sampling/sampling_params.h"
#include "common/tree/token_tree.h"

namespace chimera {

// Positions that one page of K/V holds. A constant of every numerics id.
inline constexpr int kPagePositions = 16;

// What a backend was built to hold.
struct BackendLimits {
  // Pages in the pool, shared by all sequences; their ids are 0 .. page_count - 1.
  int32_t page_count = 0;
  // Sequences that may be in one step; each has its own tree scratch.
  int32_t slot_count = 0;
  // Rows of all sequences together in one step.
  int32_t max_step_rows = 0;
};

// Which per-row results of a sequence the caller wants besides the chosen tokens.
struct RowOutputs {
  bool logits = false;         // fp32 logits of every sampled row
  bool hidden_states = false;  // tapped hidden states of every row
};

// One sequence's part of a step: either a chunk of certain tokens (prefill) or a tree of
// candidates.
//
// A chunk's K/V goes straight to the pages. A tree's K/V, root included, goes to the scratch of
// `slot` and reaches the pages by Commit. Spans and pointers must stay valid until Wait returns.
struct SequenceStep {
  // Tree scratch, in [0, slot_count); no two sequences of a step share one.
  int32_t slot = 0;
  // Page table: position p lives in pages[p / kPagePositions]. Must cover every position this step
  // writes to pages, and all positions below context_length. No other sequence of the step may use
  // a page that this one writes.
  std::span<const int32_t> pages = {};
  // Positions 0 .. context_length - 1 are in the pages already.
  int32_t context_length = 0;
  // Prefill: tokens of positions context_length, context_length + 1, ...
  std::span<const int32_t> chunk = {};
  // Verification: the root has position context_length. Exactly one of chunk and tree is set.
  const TokenTree* tree = nullptr;
  // A chunk samples at its last row only, a tree at every node; false: nowhere.
  bool sample = true;
  SamplingParams sampling = {};
  RowOutputs outputs = {};

  int row_count() const { return tree != nullptr ? tree->size() : static_cast<int>(chunk.size()); }
};

// All that one forward pass computes.
struct StepBatch {
  std::span<const SequenceStep> sequences = {};
  // Which hidden states to tap, ascending, each in [0, layer_count]: i is the residual stream after
  // i layers, so 0 is the embedding and layer_count the last layer's output before the final norm.
  // The same for all sequences.
  std::span<const int32_t> tapped_layers = {};
};

// What a step computed. Rows are numbered through the batch: sequence by sequence, in chunk or node
// order.
struct StepResult {
  // [n_sequences] number of each sequence's first row.
  std::vector<int32_t> first_row;
  // [n_rows] the target's token after each row; -1 where nothing was sampled.
  std::vector<int32_t> chosen;
  // [n_rows, n_tapped, hidden_size] bf16 bits, rows without RowOutputs::hidden_states are zero;
  // empty if nothing is tapped.
  std::vector<uint16_t> hidden_states;
  // [n_rows_with_logits, vocab_size].
  std::vector<float> logits;
  // [n_rows] index into `logits`, -1 where none were asked for; empty if none at all.
  std::vector<int32_t> logits_row;
};

// Accepted nodes of the tree that a slot's scratch holds.
struct CommitRequest {
  int32_t slot = 0;
  // As in SequenceStep; must cover the positions written.
  std::span<const int32_t> pages = {};
  // Position of the root.
  int32_t context_length = 0;
  // AcceptedPath::nodes: node i of the list goes to position context_length + i.
  std::span<const int> nodes = {};
};

// Runs steps. One step may be in flight. All calls come from one thread, the engine's.
//
// Errors of Submit, Wait and Commit besides those named there: UNAVAILABLE if the device is lost,
// and then of every later call, too. After another one the step or commit did not happen, and the
// next may.
//
// Promise: the chosen token, logits, hidden states and K/V of a row depend on the model, the tokens
// at positions 0 to its own (along the tree path), the sampling parameters and numerics_id(), and
// on nothing else, bit for bit.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual const LlamaConfig& config() const = 0;
  virtual const BackendLimits& limits() const = 0;

  // Names the arithmetic, for example "cpu-q4_1-1": equal ids give equal bits.
  virtual const std::string& numerics_id() const = 0;

  // Starts a step. Returns INVALID_ARGUMENT if a sequence's fields contradict each other or the
  // limits; nothing is started then. REQUIRES: no step is in flight.
  virtual absl::Status Submit(const StepBatch& batch) = 0;

  // Finishes the step in flight. The result is valid until the next Submit.
  virtual absl::StatusOr<const StepResult*> Wait() = 0;

  // Copies the K/V of accepted nodes from tree scratch to the pages, bit for bit. REQUIRES: no step
  // is in flight, and the slot's last step was the tree the nodes belong to.
  virtual absl::Status Commit(std::span<const CommitRequest> requests) = 0;

  // Bytes of one page, all layers, K and V, for tests and diagnostics:
  // [layer][k or v][kv_head][position][head_dim].
  virtual std::vector<std::byte> CopyPage(int32_t page) const = 0;
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_BACKEND_BACKEND_H_
