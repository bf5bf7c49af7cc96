#include "verifier/engine/draft_validation.h"

#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace chimera {
namespace {

absl::Status CheckProbabilities(std::span<const float> values) {
  float previous = 1.0f;
  for (const float value : values) {
    // Also catches what is not a number.
    if (!(value >= 0.0f && value <= previous)) {
      return absl::InvalidArgumentError(absl::StrCat("probability ", value, " after ", previous,
                                                     ", must be in [0, ", previous, "]"));
    }
    previous = value;
  }
  return absl::OkStatus();
}

absl::Status CheckSize(const Draft& draft, int32_t node_budget) {
  const size_t size = draft.token_ids.size();
  if (draft.parents.size() != size || draft.path_probabilities.size() != size ||
      draft.sources.size() != size) {
    return absl::InvalidArgumentError(absl::StrCat(
        size, " tokens, ", draft.parents.size(), " parents, ", draft.path_probabilities.size(),
        " probabilities and ", draft.sources.size(), " sources"));
  }
  if (static_cast<int64_t>(size) > node_budget) {
    return absl::InvalidArgumentError(absl::StrCat(size, " nodes, may have ", node_budget));
  }
  return absl::OkStatus();
}

// Builds the tree, root first.
absl::StatusOr<TokenTree> MakeTree(const Draft& draft, int32_t root_token, int32_t vocab_size) {
  std::vector<int32_t> tokens = {root_token};
  std::vector<int32_t> parents = {-1};
  tokens.insert(tokens.end(), draft.token_ids.begin(), draft.token_ids.end());
  parents.insert(parents.end(), draft.parents.begin(), draft.parents.end());
  return TokenTree::Create(tokens, parents, vocab_size);
}

}  // namespace

absl::StatusOr<TokenTree> ValidateDraft(const Draft& draft, const Sequence& sequence,
                                        int32_t vocab_size) {
  if (draft.outcome != DraftOutcome::kDrafted) {
    return absl::InvalidArgumentError("not a draft");
  }
  if (draft.epoch != sequence.draft.epoch || draft.root_position != sequence.context_length) {
    return absl::FailedPreconditionError(
        absl::StrCat("root at position ", draft.root_position, " of epoch ", draft.epoch,
                     ", must be at ", sequence.context_length, " of ", sequence.draft.epoch));
  }
  CHIMERA_RETURN_IF_ERROR(CheckSize(draft, sequence.draft.node_budget));
  CHIMERA_RETURN_IF_ERROR(CheckProbabilities(draft.path_probabilities));
  CHIMERA_ASSIGN_OR_RETURN(TokenTree tree, MakeTree(draft, sequence.tokens.back(), vocab_size));
  for (int node = 0; node < tree.size(); ++node) {
    if (tree.depth(node) > sequence.draft.max_depth) {
      return absl::InvalidArgumentError(absl::StrCat("node ", node, " at depth ", tree.depth(node),
                                                     ", may have ", sequence.draft.max_depth));
    }
  }
  return tree;
}

}  // namespace chimera
