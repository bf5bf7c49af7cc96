// Byte-pair encoding of one word.

#ifndef CHIMERA_COMMON_TOKENIZER_BPE_MERGER_H_
#define CHIMERA_COMMON_TOKENIZER_BPE_MERGER_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace chimera {

// Two adjacent tokens that become one.
struct BpeMerge {
  int32_t left;
  int32_t right;
  int32_t merged;
};

// The merges of a vocabulary, in order of rank. Immutable after the last Add; any thread may call
// Merge, each with a scratch of its own.
class BpeMerger {
 public:
  // One token of the word as merged so far, in a doubly linked list over positions.
  struct Symbol {
    int32_t token;  // kAbsorbed once it is part of the symbol to its left
    int32_t previous;
    int32_t next;
  };

  // Buffers of Merge, kept by the caller from word to word.
  struct Scratch {
    std::vector<Symbol> symbols;
    std::vector<uint64_t> candidates;
  };

  // Adds the merge of the next rank. Returns false, and adds nothing, if the pair has one already.
  bool Add(const BpeMerge& merge);

  // Applies to `tokens`, again and again, the merge of lowest rank, leftmost first, until none
  // applies; appends the result to `merged`. Time is O(n log n). REQUIRES: n < 2^31.
  void Merge(const std::vector<int32_t>& tokens, Scratch* scratch,
             std::vector<int32_t>* merged) const;

 private:
  void AddCandidate(int32_t left_position, Scratch* scratch) const;

  std::vector<BpeMerge> merges_;                    // [rank]
  absl::flat_hash_map<uint64_t, int32_t> rank_of_;  // left token << 32 | right token
};

}  // namespace chimera

#endif  // CHIMERA_COMMON_TOKENIZER_BPE_MERGER_H_
