// Drafts with a trained network over the target's hidden states (Chimera, arXiv 2402.15758).

#ifndef CHIMERA_DRAFTER_CHIMERA_DRAFT_MODEL_H_
#define CHIMERA_DRAFTER_CHIMERA_DRAFT_MODEL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "common/cpu/cpu_isa_type.h"
#include "common/model/llama_model.h"
#include "drafter/draft_model.h"
#include "drafter/network/candidate_selector.h"
#include "drafter/network/candidate_tree.h"
#include "drafter/network/draft_network.h"
#include "drafter/network/drafter_file.h"

namespace chimera {

// Grows trees level by level, all sequences at once: each level goes on from the likeliest candidates
// that are still within the budget.
class ChimeraDraftModel : public DraftModel {
 public:
  struct Options {
    CpuIsa isa = CpuIsa::kPortable;
    int thread_count = 1;
  };

  // Candidates of one tree that a level goes on from, at most.
  static constexpr int32_t kMaxBeams = 8;
  // Children that are looked at.
  static constexpr int32_t kMaxChildren = 8;
  // Less probable nodes are not proposed: verifying one costs the target some 4 % of a step or more.
  static constexpr float kMinPathProbability = 0.04f;
  // Levels whose best candidate is less probable are not worth the time of a pass.
  static constexpr float kMinExtendProbability = 0.15f;

  // `target` is the model that the drafter drafts for, whose token embedding it reads; both are
  // shared. INVALID_ARGUMENT, naming the drafter, if it was made for a model of another identity or
  // does not fit the target's sizes.
  static absl::StatusOr<std::unique_ptr<ChimeraDraftModel>> Create(
      const DrafterFile& file, std::shared_ptr<const LlamaModel> target, const Options& options);

  const DraftModelInfo& info() const override { return info_; }
  std::unique_ptr<DraftState> NewState(int32_t start_position,
                                       const SamplingParams& sampling) override;
  std::vector<ProposedTree> Draft(std::span<const DraftInput> inputs) override;

 private:
  // A tree under growth.
  struct Growth {
    size_t input = 0;
    CandidateTree candidates;
  };

  // A candidate that the network goes on from.
  struct Extension {
    size_t growth = 0;
    int32_t candidate = 0;
  };

  ChimeraDraftModel(const DrafterFile& file, std::shared_ptr<const LlamaModel> target,
                    const Options& options);
  void StartGrowths(std::span<const DraftInput> inputs);
  void AddDepthHeads(const float* logits);
  // Goes on by one level. Returns false if there is nothing to go on from.
  bool ExtendGrowths(int32_t* node_count);
  // The candidates behind `depth` tokens of a growth's path, in children_.
  void SelectChildren(const Growth& growth, int32_t depth, const float* logits);

  const std::shared_ptr<const LlamaModel> target_;
  DraftNetwork network_;
  const DraftModelInfo info_;
  CandidateSelector selector_;

  // Of the call under way.
  std::span<const DraftInput> inputs_;
  std::vector<Growth> growths_;
  std::vector<DraftContext*> contexts_;
  std::vector<Extension> extensions_;
  std::vector<DraftNode> nodes_;
  std::vector<TokenCandidate> children_;
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_CHIMERA_DRAFT_MODEL_H_
