// Steps of sequences in host memory, for tests of attention.

#ifndef CHIMERA_TESTS_COMMON_CUDA_KERNELS_ATTENTION_STEP_H_
#define CHIMERA_TESTS_COMMON_CUDA_KERNELS_ATTENTION_STEP_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <random>
#include <span>
#include <vector>

#include "common/cuda/emulation/emulator.h"
#include "common/cuda/kernels/attention_plan.h"
#include "common/cuda/kernels/tree_attention.h"
#include "common/tree/token_tree.h"

namespace chimera::testing {

struct AttentionHeads {
  int head_count = 1;
  int kv_head_count = 1;
  int head_dim = 64;
  // If not 0, values of some positions are this and the negative of it, with equal keys: their
  // sums cancel, and what is left shows in which order they were made.
  float outlier = 0;
};

// Stands for a token and all before it: equal contexts have equal ones.
struct ContextToken {
  int position = 0;
  int branch = 0;  // 0: of the committed text
};

// `count` tokens of the committed text from position `first` on.
std::vector<ContextToken> CommittedTokens(int first, int count);

// The tokens of a tree's nodes, whose root is at position `context_length`.
std::vector<ContextToken> NodeTokens(int context_length, const TokenTree& tree);

// What is computed of a row, to be compared bit by bit.
struct AttentionRowResult {
  std::vector<uint16_t> output;  // [head_count * head_dim]
  // Of rows whose work was split: of each part that is not masked, [head_count] times its sums, its
  // maximum and the sum of weights, as bits.
  std::vector<std::vector<uint32_t>> parts;

  // Equal as far as both know.
  bool Agrees(const AttentionRowResult& other) const;
};

struct AttentionRunOptions {
  int concurrent_blocks = 1 << 20;  // of the planner: split whatever can be split
  int partial_rows = 8192;
  int block_count = 3;
  LaunchOrder order = LaunchOrder::kAfterPriorLaunch;
  std::function<void(std::span<int32_t> plan)> edit_plan = {};  // makes it faulty
};

// All that a launch reads and writes, in memory of the host.
struct AttentionMemory {
  std::span<const int32_t> plan;
  std::span<const uint16_t> queries;
  std::span<const uint16_t> keys;
  std::span<const uint16_t> values;
  std::span<float> workspace;
  std::span<uint16_t> output;
};

// Launches with these arguments, whose pointers are those of the memory or for it to set, and
// waits: on a device, copies the memory there and back.
using AttentionLauncher =
    std::function<void(TreeAttentionArguments arguments, const AttentionMemory& memory)>;

// Rows are numbered in the order in which they are added. Whatever memory of pages and queries no
// sequence uses is NaN. Pages and scratch lie in random places.
class AttentionStep {
 public:
  AttentionStep(const AttentionHeads& heads, int page_count, uint32_t seed);

  // Adds a sequence and returns its first row. Committed tokens are those before the first row's
  // position.
  int AddChunk(std::span<const ContextToken> committed, std::span<const ContextToken> chunk);
  int AddTree(std::span<const ContextToken> committed, std::span<const ContextToken> nodes,
              const TokenTree& tree);
  // A chunk or tree of other text, which is of no interest.
  void AddMate(int context_length, int rows);
  void AddPadding(int rows);

  std::vector<AttentionRowResult> Run(emulation::Emulator* emulator,
                                      const AttentionRunOptions& options = {});
  std::vector<AttentionRowResult> Run(const AttentionLauncher& launch,
                                      const AttentionRunOptions& options = {});

  int row_count() const { return row_count_; }
  int64_t value_count() const { return static_cast<int64_t>(values_.size()); }  // of all pages
  std::span<const AttentionSequence> sequences() const { return sequences_; }
  // For references: without plan, workspace and output.
  TreeAttentionArguments Arguments() const;

 private:
  std::vector<int32_t>* TakePages(int position_count);
  void Write(const ContextToken& token, int kv_slot);
  void AppendQuery(const ContextToken& token);

  const AttentionHeads heads_;
  std::mt19937 random_;
  std::vector<int32_t> free_pages_;
  std::vector<int32_t> free_scratch_;  // first pages
  std::deque<std::vector<int32_t>> page_tables_;
  std::deque<TokenTree> trees_;
  std::vector<AttentionSequence> sequences_;
  std::vector<uint16_t> keys_;
  std::vector<uint16_t> values_;
  std::vector<uint16_t> queries_;
  int row_count_ = 0;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_COMMON_CUDA_KERNELS_ATTENTION_STEP_H_
