// How many candidates were verified and accepted.

#ifndef CHIMERA_VERIFIER_ENGINE_CANDIDATE_COUNTS_H_
#define CHIMERA_VERIFIER_ENGINE_CANDIDATE_COUNTS_H_

#include <array>
#include <cstdint>

#include "common/tree/candidate_source.h"
#include "common/tree/token_tree.h"

namespace chimera {

struct CandidateCount {
  int64_t verified = 0;
  int64_t accepted = 0;

  void Add(const CandidateCount& other) {
    verified += other.verified;
    accepted += other.accepted;
  }
};

// Counts of the same candidates, told apart in two ways.
struct CandidateCounts {
  std::array<CandidateCount, TokenTree::kMaxDepth> by_depth;  // depth d at index d - 1
  std::array<CandidateCount, kCandidateSourceCount> by_source;

  void Count(int depth, CandidateSource source, bool accepted) {
    const CandidateCount one = {1, accepted ? 1 : 0};
    by_depth[depth - 1].Add(one);
    by_source[static_cast<int>(source)].Add(one);
  }

  void Add(const CandidateCounts& other) {
    for (size_t i = 0; i < by_depth.size(); ++i) by_depth[i].Add(other.by_depth[i]);
    for (size_t i = 0; i < by_source.size(); ++i) by_source[i].Add(other.by_source[i]);
  }
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_CANDIDATE_COUNTS_H_
