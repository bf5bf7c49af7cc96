// Draft models whose proposals are known beforehand.

#ifndef CHIMERA_TESTS_E2E_DRAFT_MODELS_H_
#define CHIMERA_TESTS_E2E_DRAFT_MODELS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "drafter/draft_model.h"

namespace chimera::testing {

// What the base below remembers of a sequence.
struct TokenDraftState final : DraftState {
  int32_t start_position = 0;  // of tokens[0]
  uint64_t seed = 0;
  std::vector<int32_t> tokens;  // the last one is the root
};

// Base of models that need nothing but the tokens and the seed of a sequence.
class TokenDraftModel : public DraftModel {
 public:
  explicit TokenDraftModel(const char* name) { info_ = {name, {}, 8192, 63}; }

  const DraftModelInfo& info() const override { return info_; }
  std::unique_ptr<DraftState> NewState(int32_t start_position,
                                       const SamplingParams& sampling) override;
  absl::StatusOr<std::vector<ProposedTree>> Draft(std::span<const DraftInput> inputs) override;

 protected:
  virtual ProposedTree Propose(const TokenDraftState& state, int node_budget, int max_depth) = 0;

 private:
  DraftModelInfo info_;
};

// Proposes random valid trees: mostly wrong, always well-formed. Every fourth node repeats a token
// of the sequence, so that some are right.
class RandomTreeDraftModel final : public TokenDraftModel {
 public:
  RandomTreeDraftModel(int32_t vocab_size, uint64_t seed)
      : TokenDraftModel("random-trees"), vocab_size_(vocab_size), random_(seed) {}

 protected:
  ProposedTree Propose(const TokenDraftState& state, int node_budget, int max_depth) override;

 private:
  const int32_t vocab_size_;
  std::mt19937_64 random_;
};

// Base of models that change what another one is asked.
class ForwardingDraftModel : public DraftModel {
 public:
  // `model` must outlive this one.
  explicit ForwardingDraftModel(DraftModel* model) : model_(*model) {}

  const DraftModelInfo& info() const override { return model_.info(); }
  std::unique_ptr<DraftState> NewState(int32_t start_position,
                                       const SamplingParams& sampling) override {
    return model_.NewState(start_position, sampling);
  }
  absl::StatusOr<std::vector<ProposedTree>> Draft(std::span<const DraftInput> inputs) override {
    return model_.Draft(inputs);
  }

 private:
  DraftModel& model_;
};

// Prompt and reply of every request there will be, by its seed.
using KnownSequences = std::map<uint64_t, std::vector<int32_t>>;

// Knows how every sequence goes on: proposes the true continuation as a chain, with wrong siblings
// around it as far as the budget goes.
class TrueContinuationDraftModel final : public TokenDraftModel {
 public:
  TrueContinuationDraftModel(KnownSequences sequences, int32_t vocab_size)
      : TokenDraftModel("true-continuation"),
        sequences_(std::move(sequences)),
        vocab_size_(vocab_size) {}

 protected:
  ProposedTree Propose(const TokenDraftState& state, int node_budget, int max_depth) override;

 private:
  const KnownSequences sequences_;
  const int32_t vocab_size_;
};

}  // namespace chimera::testing

#endif  // CHIMERA_TESTS_E2E_DRAFT_MODELS_H_
