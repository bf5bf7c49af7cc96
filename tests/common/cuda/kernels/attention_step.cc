#include "tests/common/cuda/kernels/attention_step.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "common/base/check.h"
#include "common/base/float16.h"
#include "common/cuda/kernels/attention_records.h"
#include "common/cuda/kernels/kv_layout.h"
#include "tests/testing/status_matchers.h"

namespace chimera::testing {
namespace {

constexpr uint16_t kBf16Nan = 0x7fc1;
constexpr int kPagesOfScratch = TokenTree::kMaxNodes / kPageSlots;
constexpr int kScratches = 8;
constexpr int kMateBranch = 1 << 20;

enum class Operand { kQuery, kKey, kValue };

std::vector<uint16_t> RandomVector(std::mt19937* random, int size, float scale) {
  std::normal_distribution<float> normal(0, scale);
  std::vector<uint16_t> vector(size);
  for (uint16_t& x : vector) x = FloatToBf16(normal(*random));
  return vector;
}

// Every 7th position has the outlier, and the 3rd after it the negative.
int SignOfOutlier(int position) { return position % 7 == 0 ? 1 : position % 7 == 3 ? -1 : 0; }

std::vector<uint16_t> VectorOf(const AttentionHeads& heads, const ContextToken& token,
                               Operand operand) {
  const int sign = heads.outlier == 0 ? 0 : SignOfOutlier(token.position);
  const bool is_common = sign != 0 && operand == Operand::kKey;
  std::seed_seq seed = {is_common ? -1 : token.position, is_common ? -1 : token.branch,
                        static_cast<int>(operand)};
  std::mt19937 random(seed);
  const bool is_query = operand == Operand::kQuery;
  const int size = (is_query ? heads.head_count : heads.kv_head_count) * heads.head_dim;
  std::vector<uint16_t> vector = RandomVector(&random, size, is_query ? 1.5f : 1.0f);
  if (sign != 0 && operand == Operand::kValue) {
    std::ranges::fill(vector, FloatToBf16(static_cast<float>(sign) * heads.outlier));
  }
  return vector;
}

// The parts of the rows whose work was split.
void CollectParts(const AttentionHeads& heads, std::span<const int32_t> plan,
                  std::span<const float> workspace, std::vector<AttentionRowResult>* rows) {
  const auto& header = *reinterpret_cast<const AttentionHeader*>(plan.data());
  const auto* merges = reinterpret_cast<const AttentionMerge*>(plan.data() + header.merges);
  const int64_t size = TreeAttentionWorkspaceSize(1, 1, heads.head_dim);
  for (const AttentionMerge& merge : std::span(merges, header.merge_count)) {
    for (int part = 0; part < merge.part_count; ++part) {
      const int64_t row = merge.first_partial_row + int64_t{part} * merge.partial_row_step;
      std::vector<uint32_t> bits;
      bool is_masked = false;
      for (int head = 0; head < heads.head_count; ++head) {
        const float* sums = workspace.data() + (row * heads.head_count + head) * size;
        is_masked = sums[heads.head_dim] == -std::numeric_limits<float>::infinity();
        for (int j = 0; j < heads.head_dim + 2; ++j) {
          bits.push_back(std::bit_cast<uint32_t>(sums[j]));
        }
      }
      if (!is_masked) (*rows)[merge.row].parts.push_back(bits);
    }
  }
}

}  // namespace

std::vector<ContextToken> CommittedTokens(int first, int count) {
  std::vector<ContextToken> tokens;
  tokens.reserve(count);
  for (int i = 0; i < count; ++i) tokens.push_back({first + i, 0});
  return tokens;
}

std::vector<ContextToken> NodeTokens(int context_length, const TokenTree& tree) {
  std::vector<ContextToken> tokens;
  tokens.reserve(tree.size());
  for (int node = 0; node < tree.size(); ++node) {
    tokens.push_back({context_length + tree.depth(node), 1 + node});
  }
  return tokens;
}

bool AttentionRowResult::Agrees(const AttentionRowResult& other) const {
  return output == other.output && (parts.empty() || other.parts.empty() || parts == other.parts);
}

AttentionStep::AttentionStep(const AttentionHeads& heads, int page_count, uint32_t seed)
    : heads_(heads), random_(seed), free_pages_(page_count) {
  std::iota(free_pages_.begin(), free_pages_.end(), 0);
  std::ranges::shuffle(free_pages_, random_);
  for (int i = 0; i < kScratches; ++i) free_scratch_.push_back(page_count + i * kPagesOfScratch);
  std::ranges::shuffle(free_scratch_, random_);
  const int64_t slots = int64_t{page_count + kScratches * kPagesOfScratch} * kPageSlots;
  keys_.assign(slots * heads.kv_head_count * heads.head_dim, kBf16Nan);
  values_ = keys_;
}

std::vector<int32_t>* AttentionStep::TakePages(int position_count) {
  const int count = (position_count + kPageSlots - 1) / kPageSlots;
  CHIMERA_CHECK(count <= static_cast<int>(free_pages_.size()));
  page_tables_.emplace_back(free_pages_.end() - count, free_pages_.end());
  free_pages_.resize(free_pages_.size() - count);
  return &page_tables_.back();
}

void AttentionStep::Write(const ContextToken& token, int kv_slot) {
  const auto key = VectorOf(heads_, token, Operand::kKey);
  const auto value = VectorOf(heads_, token, Operand::kValue);
  for (int kv_head = 0; kv_head < heads_.kv_head_count; ++kv_head) {
    const int64_t to = KvElement(kv_slot, kv_head, heads_.kv_head_count, heads_.head_dim);
    const int from = kv_head * heads_.head_dim;
    std::copy_n(key.begin() + from, heads_.head_dim, keys_.begin() + to);
    std::copy_n(value.begin() + from, heads_.head_dim, values_.begin() + to);
  }
}

void AttentionStep::AppendQuery(const ContextToken& token) {
  const auto query = VectorOf(heads_, token, Operand::kQuery);
  queries_.insert(queries_.end(), query.begin(), query.end());
  ++row_count_;
}

int AttentionStep::AddChunk(std::span<const ContextToken> committed,
                            std::span<const ContextToken> chunk) {
  std::vector<ContextToken> tokens(committed.begin(), committed.end());
  tokens.insert(tokens.end(), chunk.begin(), chunk.end());
  const auto& pages = *TakePages(static_cast<int>(tokens.size()));
  for (int i = 0; i < static_cast<int>(tokens.size()); ++i) {
    CHIMERA_CHECK(tokens[i].position == i);
    Write(tokens[i], pages[i / kPageSlots] * kPageSlots + i % kPageSlots);
  }
  const int first_row = row_count_;
  for (const ContextToken& token : chunk) AppendQuery(token);
  sequences_.push_back({pages, static_cast<int>(committed.size()), first_row,
                        static_cast<int>(chunk.size()), nullptr, 0});
  return first_row;
}

int AttentionStep::AddTree(std::span<const ContextToken> committed,
                           std::span<const ContextToken> nodes, const TokenTree& tree) {
  const auto& pages = *TakePages(static_cast<int>(committed.size()));
  for (int i = 0; i < static_cast<int>(committed.size()); ++i) {
    Write(committed[i], pages[i / kPageSlots] * kPageSlots + i % kPageSlots);
  }
  const int32_t scratch = free_scratch_.back();
  free_scratch_.pop_back();
  const int first_row = row_count_;
  for (int node = 0; node < tree.size(); ++node) {
    Write(nodes[node], scratch * kPageSlots + node);
    AppendQuery(nodes[node]);
  }
  trees_.push_back(tree);
  sequences_.push_back(
      {pages, static_cast<int>(committed.size()), first_row, tree.size(), &trees_.back(), scratch});
  return first_row;
}

void AttentionStep::AddMate(int context_length, int rows) {
  std::vector<ContextToken> tokens = CommittedTokens(0, context_length + rows);
  for (ContextToken& token : tokens) token.branch = kMateBranch;
  AddChunk(std::span(tokens).first(context_length), std::span(tokens).subspan(context_length));
}

void AttentionStep::AddPadding(int rows) {
  queries_.resize(queries_.size() + int64_t{rows} * heads_.head_count * heads_.head_dim, kBf16Nan);
  row_count_ += rows;
}

TreeAttentionArguments AttentionStep::Arguments() const {
  TreeAttentionArguments arguments;
  arguments.head_count = heads_.head_count;
  arguments.kv_head_count = heads_.kv_head_count;
  arguments.head_dim = heads_.head_dim;
  arguments.queries = queries_.data();
  arguments.keys = keys_.data();
  arguments.values = values_.data();
  return arguments;
}

std::vector<AttentionRowResult> AttentionStep::Run(const AttentionLauncher& launch,
                                                   const AttentionRunOptions& options) {
  int pages = 0;
  for (const AttentionSequence& sequence : sequences_) {
    pages += static_cast<int>(sequence.pages.size());
  }
  const AttentionLimits limits = {static_cast<int>(sequences_.size()), row_count_, pages,
                                  options.partial_rows};
  const AttentionPlanner planner(
      {heads_.head_count, heads_.kv_head_count, limits, options.concurrent_blocks, 1});
  std::vector<int32_t> plan(planner.buffer_size(), -1);
  planner.Plan(sequences_, plan);
  if (options.edit_plan) options.edit_plan(plan);

  std::vector<float> workspace(
      TreeAttentionWorkspaceSize(options.partial_rows, heads_.head_count, heads_.head_dim),
      std::numeric_limits<float>::quiet_NaN());
  const int row_size = heads_.head_count * heads_.head_dim;
  std::vector<uint16_t> output(int64_t{row_count_} * row_size, kBf16Nan);
  TreeAttentionArguments arguments = Arguments();
  arguments.block_count = options.block_count;
  launch(arguments, {plan, queries_, keys_, values_, workspace, output});

  std::vector<AttentionRowResult> rows(row_count_);
  for (int row = 0; row < row_count_; ++row) {
    const auto begin = output.begin() + int64_t{row} * row_size;
    rows[row].output.assign(begin, begin + row_size);
  }
  CollectParts(heads_, plan, workspace, &rows);
  return rows;
}

std::vector<AttentionRowResult> AttentionStep::Run(emulation::Emulator* emulator,
                                                   const AttentionRunOptions& options) {
  const auto launch = [&](TreeAttentionArguments arguments, const AttentionMemory& memory) {
    arguments.plan = memory.plan.data();
    arguments.workspace = memory.workspace.data();
    arguments.output = memory.output.data();
    CHIMERA_EXPECT_OK(LaunchTreeAttention(StreamView(*emulator), arguments, options.order));
  };
  return Run(launch, options);
}

}  // namespace chimera::testing
