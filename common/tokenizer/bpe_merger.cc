#include "common/tokenizer/bpe_merger.h"

#include <algorithm>
#include <functional>

namespace chimera {
namespace {

constexpr int32_t kAbsorbed = -1;
constexpr int32_t kNone = -1;  // no neighbour

uint64_t Pack(int32_t high, int32_t low) {
  return static_cast<uint64_t>(static_cast<uint32_t>(high)) << 32 | static_cast<uint32_t>(low);
}

// Joins the symbol after `position` to the one there, which becomes `merged`.
void Join(int32_t position, int32_t merged, std::vector<BpeMerger::Symbol>* symbols) {
  BpeMerger::Symbol& left = (*symbols)[position];
  BpeMerger::Symbol& right = (*symbols)[left.next];
  left.token = merged;
  left.next = right.next;
  right.token = kAbsorbed;
  if (left.next != kNone) (*symbols)[left.next].previous = position;
}

}  // namespace

bool BpeMerger::Add(const BpeMerge& merge) {
  const auto rank = static_cast<int32_t>(merges_.size());
  if (!rank_of_.try_emplace(Pack(merge.left, merge.right), rank).second) return false;
  merges_.push_back(merge);
  return true;
}

// A candidate is rank << 32 | position of the left symbol: the order of the numbers is the order
// of the merges.
void BpeMerger::AddCandidate(int32_t left_position, Scratch* scratch) const {
  const Symbol& left = scratch->symbols[left_position];
  if (left.next == kNone) return;
  const auto found = rank_of_.find(Pack(left.token, scratch->symbols[left.next].token));
  if (found == rank_of_.end()) return;
  scratch->candidates.push_back(Pack(found->second, left_position));
  std::push_heap(scratch->candidates.begin(), scratch->candidates.end(), std::greater<>());
}

void BpeMerger::Merge(const std::vector<int32_t>& tokens, Scratch* scratch,
                      std::vector<int32_t>* merged) const {
  std::vector<Symbol>& symbols = scratch->symbols;
  std::vector<uint64_t>& candidates = scratch->candidates;
  const auto size = static_cast<int32_t>(tokens.size());
  // Cleared first, so that it grows to just the size that is needed.
  symbols.clear();
  symbols.resize(tokens.size());
  // Of n symbols there are at most n - 1 pairs, and each merge adds at most one more than it takes.
  candidates.clear();
  candidates.reserve(2 * tokens.size());
  for (int32_t i = 0; i < size; ++i) symbols[i] = {tokens[i], i - 1, i + 1 < size ? i + 1 : kNone};
  for (int32_t i = 0; i < size; ++i) AddCandidate(i, scratch);

  while (!candidates.empty()) {
    std::pop_heap(candidates.begin(), candidates.end(), std::greater<>());
    const BpeMerge& merge = merges_[candidates.back() >> 32];
    const auto position = static_cast<int32_t>(candidates.back());
    candidates.pop_back();
    // Outdated if a merge beside it has changed the pair since.
    const Symbol& left = symbols[position];
    if (left.token != merge.left || left.next == kNone) continue;
    if (symbols[left.next].token != merge.right) continue;
    Join(position, merge.merged, &symbols);
    if (left.previous != kNone) AddCandidate(left.previous, scratch);
    AddCandidate(position, scratch);
  }
  for (int32_t i = size == 0 ? kNone : 0; i != kNone; i = symbols[i].next) {
    merged->push_back(symbols[i].token);
  }
}

}  // namespace chimera
