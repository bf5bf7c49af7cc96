#include "drafter/growth_policy.h"

#include <algorithm>
#include <bit>

#include "common/base/check.h"

namespace chimera {
namespace {

// Values after which an older one counts a third as much.
constexpr float kTimeMemory = 32;
constexpr float kChildMemory = 64;

// What is supposed of likeliest children before any was seen.
constexpr double kUntriedChild = 0.5;

// Share of what is known that goes whenever a level is not drafted for it.
constexpr double kForgotten = 1.0 / 512;

}  // namespace

void GrowthPolicy::RunningMean::Add(double value, float memory) {
  weight = std::min(weight + 1, memory);
  mean += (value - mean) / static_cast<double>(weight);
}

GrowthPolicy::GrowthPolicy(const Clock* clock) : clock_(*clock) {
  best_children_.fill({.mean = kUntriedChild, .weight = 1});
}

float GrowthPolicy::MinPathProbability(const DraftPrices& prices, float otherwise) {
  return prices.known() ? prices.node_seconds / prices.token_seconds : otherwise;
}

float GrowthPolicy::SecondsSaved(const DraftPrices& prices, int32_t depth, float path_probability,
                                 float known_child) const {
  const float best_child = static_cast<float>(best_children_[depth].mean);
  const float tokens = path_probability * std::max(best_child - known_child, 0.0f);
  return std::max(tokens * prices.token_seconds - prices.node_seconds, 0.0f);
}

bool GrowthPolicy::Pays(int32_t node_count, double gain) {
  size_t bucket = 0;
  if (gain > Seconds(node_count, &bucket)) return true;
  Forget(bucket);
  return false;
}

void GrowthPolicy::Forget(size_t bucket) {
  seconds_[bucket].mean -= kForgotten * seconds_[bucket].mean;
  for (RunningMean& child : best_children_) child.mean += kForgotten * (kUntriedChild - child.mean);
}

void GrowthPolicy::StartLevel() { level_start_ = clock_.Now(); }

void GrowthPolicy::EndLevel(int32_t node_count) {
  const std::chrono::duration<double> elapsed = clock_.Now() - level_start_;
  seconds_[BucketOf(node_count)].Add(elapsed.count(), kTimeMemory);
}

void GrowthPolicy::RecordBestChild(int32_t depth, float probability) {
  best_children_[depth].Add(probability, kChildMemory);
}

size_t GrowthPolicy::BucketOf(int32_t node_count) {
  CHIMERA_CHECK(node_count >= 1) << "node count " << node_count;
  if (node_count <= kSmallCounts) return static_cast<size_t>(node_count) - 1;
  const auto doublings = std::bit_width(static_cast<uint32_t>(node_count - 1) / kSmallCounts);
  return std::min(static_cast<size_t>(kSmallCounts + doublings) - 1, kBuckets - 1);
}

int32_t GrowthPolicy::FirstCount(size_t bucket) {
  const int32_t number = static_cast<int32_t>(bucket);
  if (number < kSmallCounts) return number + 1;
  return (kSmallCounts << (number - kSmallCounts)) + 1;
}

double GrowthPolicy::Seconds(int32_t node_count, size_t* bucket) const {
  const size_t own = BucketOf(node_count);
  // A smaller level takes no longer.
  for (size_t i = own + 1; i > 0; --i) {
    *bucket = i - 1;
    if (seconds_[*bucket].weight > 0) return seconds_[*bucket].mean;
  }
  for (size_t i = own + 1; i < kBuckets; ++i) {
    *bucket = i;
    if (seconds_[i].weight > 0) return seconds_[i].mean * node_count / FirstCount(i);
  }
  *bucket = own;
  return 0;
}

}  // namespace chimera
