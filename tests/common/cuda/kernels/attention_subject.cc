#include "tests/common/cuda/kernels/attention_subject.h"

#include <algorithm>
#include <span>

#include "common/cuda/kernels/kv_layout.h"
#include "tests/common/cuda/kernels/attention_trees.h"
#include "tests/testing/tree_path.h"

namespace chimera::testing {
namespace {

std::vector<ContextToken> Committed(const AttentionSubject& subject) {
  return CommittedTokens(0, subject.context_length);
}

std::vector<ContextToken> Nodes(const AttentionSubject& subject) {
  return NodeTokens(subject.context_length, subject.tree);
}

// The committed tokens and the path to `node`.
std::vector<ContextToken> Text(const AttentionSubject& subject, int node) {
  std::vector<ContextToken> text = Committed(subject);
  const std::vector<ContextToken> nodes = Nodes(subject);
  for (const int ancestor : PathNodes(subject.tree, node)) text.push_back(nodes[ancestor]);
  return text;
}

// Enough for the text, and for what is beside it in a step.
int PageCount(const AttentionSubject& subject) {
  constexpr int kPagesOfMates = 60;
  return (subject.context_length + TokenTree::kMaxDepth) / kPageSlots + kPagesOfMates;
}

// Of the text's last token as the root of a tree, as plain decoding has it.
AttentionRowResult DecodedRow(const AttentionSubject& subject, int node, uint32_t seed) {
  const std::vector<ContextToken> text = Text(subject, node);
  AttentionStep step(subject.heads, PageCount(subject), seed);
  const std::span<const ContextToken> all = text;
  step.AddTree(all.first(all.size() - 1), all.last(1), TokenTree::RootOnly(0));
  return subject.run(&step, seed, subject.options).front();
}

}  // namespace

std::vector<AttentionRowResult> RowsOfTree(const AttentionSubject& subject, uint32_t seed,
                                           int mates) {
  AttentionStep step(subject.heads, PageCount(subject), seed);
  for (int i = 0; i < mates; ++i) step.AddMate(20 + 29 * i, 1 + i);
  const int first = step.AddTree(Committed(subject), Nodes(subject), subject.tree);
  if (mates > 0) step.AddMate(7, 2);
  step.AddPadding(mates);
  const auto rows = subject.run(&step, seed, subject.options);
  return {rows.begin() + first, rows.begin() + first + subject.tree.size()};
}

std::vector<AttentionRowResult> RowsOfChunk(const AttentionSubject& subject, int node, int count,
                                            uint32_t seed) {
  const std::vector<ContextToken> text = Text(subject, node);
  AttentionStep step(subject.heads, PageCount(subject), seed);
  const std::span<const ContextToken> all = text;
  step.AddChunk(all.first(all.size() - count), all.last(count));
  return subject.run(&step, seed, subject.options);
}

int CountDifferences(const AttentionSubject& subject, int node_step) {
  const auto rows = RowsOfTree(subject, 1, 0);
  int differences = 0;
  for (int node = subject.tree.size() - 1; node >= 0; node -= node_step) {
    differences += rows[node].Agrees(DecodedRow(subject, node, node + 2)) ? 0 : 1;
  }
  // The path to the last node with the text before it.
  const int last = subject.tree.size() - 1;
  const std::vector<int> path = PathNodes(subject.tree, last);
  const int before = std::min(subject.context_length, 23);
  const auto chunk = RowsOfChunk(subject, last, static_cast<int>(path.size()) + before, 3);
  for (size_t i = 0; i < path.size(); ++i) {
    differences += rows[path[i]].Agrees(chunk[before + i]) ? 0 : 1;
  }
  return differences;
}

}  // namespace chimera::testing
