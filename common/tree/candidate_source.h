// Where a candidate token comes from.

#ifndef CHIMERA_COMMON_TREE_CANDIDATE_SOURCE_H_
#define CHIMERA_COMMON_TREE_CANDIDATE_SOURCE_H_

namespace chimera {

// The values of the protocol's CandidateSource (token_tree.proto), less its unspecified one.
enum class CandidateSource {
  kNetwork,  // a trained network
  kNgram,    // what followed earlier occurrences of the sequence's newest tokens
};

inline constexpr int kCandidateSourceCount = 2;

}  // namespace chimera

#endif  // CHIMERA_COMMON_TREE_CANDIDATE_SOURCE_H_
