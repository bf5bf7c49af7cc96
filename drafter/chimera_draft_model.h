// Drafts with a trained network over the target's hidden states (Chimera, arXiv 2402.15758).

#ifndef CHIMERA_DRAFTER_CHIMERA_DRAFT_MODEL_H_
#define CHIMERA_DRAFTER_CHIMERA_DRAFT_MODEL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/backend/draft_network.h"
#include "common/base/clock.h"
#include "common/model/draft_network_config.h"
#include "common/model/llama_model.h"
#include "common/tree/acceptance_calibration.h"
#include "drafter/candidate_tree.h"
#include "drafter/draft_model.h"
#include "drafter/network/drafter_file.h"
#include "drafter/ngram_tree_builder.h"
#include "drafter/tree_grower.h"
#include "drafter/tree_shape.h"

namespace chimera {

// Merges two sources into one tree per sequence: what followed earlier occurrences of the newest
// tokens (NgramDraftModel), and what the network thinks, which goes on from candidates of either.
// Where the network lacks the target's states, the first alone. Of both it learns from the outcome
// how far their probabilities can be believed.
class ChimeraDraftModel : public DraftModel {
 public:
  struct Options {
    DraftNetworkFactory make_network;  // the network's device; not empty
    // Unless it is empty, trees have this shape whatever is likely, and no n-grams.
    TreeShape tree_shape = {};
    std::shared_ptr<const Clock> clock = std::make_shared<RealClock>();  // measures levels
  };

  // Less probable nodes are not proposed where the price of verifying one is unknown. The node
  // budget is what counts then.
  static constexpr float kMinPathProbability = 0.01f;

  // INVALID_ARGUMENT, naming the drafter, if it was made for a model of another identity or does
  // not fit the target's sizes. Other weights of that model are for the verifier to judge, which
  // learns of them from info().
  static absl::Status CheckTarget(const DrafterFile& file, const LlamaModel& target);

  // `target` is the model that the drafter drafts for, whose token embedding it reads. Errors are
  // those of CheckTarget and make_network.
  static absl::StatusOr<std::unique_ptr<ChimeraDraftModel>> Create(
      const DrafterFile& file, std::shared_ptr<const LlamaModel> target, const Options& options);

  const DraftModelInfo& info() const override { return info_; }
  std::unique_ptr<DraftState> NewState(int32_t start_position,
                                       const SamplingParams& sampling) override;
  absl::StatusOr<std::vector<ProposedTree>> Draft(std::span<const DraftInput> inputs) override;

 private:
  ChimeraDraftModel(const DraftNetworkConfig& config, std::shared_ptr<const LlamaModel> target,
                    std::unique_ptr<DraftNetwork> network, const Options& options);
  // Learns from what became of the last proposals, and lists all contexts.
  void TakeNews();
  CandidateTreeLimits LimitsOf(const DraftInput& input) const;
  // Begins the trees that are wanted, and lists those that the network can grow.
  void StartTrees();

  const std::shared_ptr<const LlamaModel> target_;
  const TreeShape tree_shape_;
  const std::shared_ptr<const Clock> clock_;
  const std::unique_ptr<DraftNetwork> network_;
  const DraftModelInfo info_;
  NgramTreeBuilder ngram_builder_;
  AcceptanceCalibration calibration_;
  TreeGrower grower_;

  // Of the call under way.
  std::span<const DraftInput> inputs_;
  std::vector<DraftContext*> contexts_;
  std::vector<TreeGrowth> growths_;
  ProposedTree ngrams_;  // of one sequence, as the builder sees it
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_CHIMERA_DRAFT_MODEL_H_
