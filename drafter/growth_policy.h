// Decides how far a tree is worth growing.

#ifndef CHIMERA_DRAFTER_GROWTH_POLICY_H_
#define CHIMERA_DRAFTER_GROWTH_POLICY_H_

#include <array>
#include <chrono>
#include <cstdint>

#include "common/base/clock.h"
#include "common/tree/token_tree.h"
#include "drafter/draft_model.h"

namespace chimera {

// Weighs what a node or another level of drafting may save, in seconds of the verifier's time,
// against what it costs: the price of verifying a node, and the level's own time, which it
// measures. A level saves what the likeliest child of each candidate would save, by how likely such
// children were lately at their depth. What keeps a level from being drafted is forgotten slowly,
// so that it is tried again now and then. One thread.
class GrowthPolicy {
 public:
  // `clock` must outlive the policy.
  explicit GrowthPolicy(const Clock* clock);

  // Candidates of a smaller path probability cost more to verify than they save. `otherwise` where
  // prices are unknown.
  static float MinPathProbability(const DraftPrices& prices, float otherwise);

  // Seconds that going on from a candidate may save: what its likeliest child, at `depth`, adds to
  // the child that it may have already, of probability `known_child` given the candidate. Not
  // negative. REQUIRES: the prices are known.
  float SecondsSaved(const DraftPrices& prices, int32_t depth, float path_probability,
                     float known_child) const;

  // Whether a level that goes on from so many candidates, which may save `gain` seconds in all, is
  // worth its time.
  bool Pays(int32_t node_count, double gain);

  // A level is being drafted: between the two calls, which measure its time.
  void StartLevel();
  void EndLevel(int32_t node_count);

  // The likeliest child of a candidate that was gone on from, at `depth`, has this probability
  // given the candidate.
  void RecordBestChild(int32_t depth, float probability);

 private:
  // Of the newest values, the older ones counting less.
  struct RunningMean {
    double mean = 0;
    float weight = 0;  // in values
    void Add(double value, float memory);
  };

  // Node counts up to 16 are told apart, greater ones by powers of two.
  static constexpr int32_t kSmallCounts = 16;
  static constexpr size_t kBuckets = 24;
  static size_t BucketOf(int32_t node_count);
  // Smallest node count of a bucket.
  static int32_t FirstCount(size_t bucket);

  // How long a level takes; where none of its size was measured, what the nearest sizes suggest at
  // best. Sets `bucket` to that of the times that say so.
  double Seconds(int32_t node_count, size_t* bucket) const;
  void Forget(size_t bucket);

  const Clock& clock_;
  std::chrono::steady_clock::time_point level_start_;
  std::array<RunningMean, kBuckets> seconds_;                        // of levels, by size
  std::array<RunningMean, TokenTree::kMaxDepth + 1> best_children_;  // by depth
};

}  // namespace chimera

#endif  // CHIMERA_DRAFTER_GROWTH_POLICY_H_
