#include "verifier/engine/step_time_table.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <numeric>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "common/base/check.h"
#include "common/base/isotonic.h"
#include "common/base/status_macros.h"

namespace chimera {
namespace {

constexpr int kRowCounts[] = {1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 48, 64};
static_assert(std::end(kRowCounts)[-1] == TokenTree::kMaxNodes);
constexpr int kRounds = 4;

// Shares of an observed error that are corrected at once: in all points, and in those that it was
// observed at, where it grows with their age.
constexpr double kCommonRate = 0.03;
constexpr double kPointRate = 0.03;
constexpr double kOldPointRate = 0.25;
constexpr int kOldAge = 64;
constexpr double kLargestRatio = 1.5;

// An observation this near to a point shows it.
constexpr double kShownShare = 0.5;

// Share of a deviation that goes with every observation: what shows again is learnt again, by all
// points.
constexpr double kForgotten = 1.0 / 2048;

// A tree of `size` nodes, all children of the root.
absl::StatusOr<TokenTree> StarTree(int size, int32_t vocab_size) {
  std::vector<int32_t> tokens(size);
  std::iota(tokens.begin(), tokens.end(), 0);
  std::vector<int32_t> parents(size, 0);
  parents[0] = -1;
  return TokenTree::Create(tokens, parents, vocab_size);
}

absl::StatusOr<double> TimeTree(Backend* backend, const Clock& clock, const TokenTree& tree) {
  const int32_t page = 0;
  SequenceStep step;
  step.pages = std::span(&page, 1);
  step.tree = &tree;
  const auto start = clock.Now();
  CHIMERA_RETURN_IF_ERROR(backend->Submit(StepBatch{std::span(&step, 1), {}}));
  CHIMERA_RETURN_IF_ERROR(backend->Wait().status());
  return std::chrono::duration<double>(clock.Now() - start).count();
}

}  // namespace

StepTimeTable::StepTimeTable(std::vector<Point> points)
    : measured_(std::move(points)), points_(measured_), deviations_(measured_.size()) {
  CHIMERA_CHECK(points_.size() >= 2);
}

absl::StatusOr<StepTimeTable> StepTimeTable::Measure(Backend* backend, const Clock& clock) {
  std::vector<TokenTree> trees;
  for (const int rows : kRowCounts) {
    CHIMERA_ASSIGN_OR_RETURN(TokenTree tree, StarTree(rows, backend->config().vocab_size));
    trees.push_back(std::move(tree));
  }
  // The first step of all reads the weights for the first time.
  CHIMERA_RETURN_IF_ERROR(TimeTree(backend, clock, trees.front()).status());
  std::vector<Point> points;
  // Round by round, so that a slow moment does not hit all steps of one size.
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < trees.size(); ++i) {
      CHIMERA_ASSIGN_OR_RETURN(const double seconds, TimeTree(backend, clock, trees[i]));
      if (round == 0) points.push_back({kRowCounts[i], seconds});
      points[i].seconds = std::min(points[i].seconds, seconds);
    }
  }
  // Rows are never cheaper than none. What was disturbed took too long.
  for (size_t i = points.size() - 1; i > 0; --i) {
    points[i - 1].seconds = std::min(points[i - 1].seconds, points[i].seconds);
  }
  return StepTimeTable(std::move(points));
}

size_t StepTimeTable::RightOf(int rows) const {
  size_t right = 1;
  while (right + 1 < points_.size() && points_[right].rows < rows) ++right;
  return right;
}

double StepTimeTable::Seconds(int rows) const {
  const size_t right = RightOf(rows);
  const Point& a = points_[right - 1];
  const Point& b = points_[right];
  return a.seconds + (b.seconds - a.seconds) * (rows - a.rows) / (b.rows - a.rows);
}

void StepTimeTable::Observe(int rows, double seconds) {
  const double ratio = seconds / Seconds(rows);
  // One step that was held up must not tell much.
  const double error = std::log(std::clamp(ratio, 1 / kLargestRatio, kLargestRatio));
  const size_t right = RightOf(rows);
  const int width = points_[right].rows - points_[right - 1].rows;
  const double share =
      std::clamp(static_cast<double>(rows - points_[right - 1].rows) / width, 0.0, 1.0);
  common_ += kCommonRate * error;
  absl::InlinedVector<double, std::size(kRowCounts)> weights(points_.size()), times(points_.size());
  for (size_t i = 0; i < points_.size(); ++i) {
    const double point_share = i == right ? share : i + 1 == right ? 1 - share : 0;
    deviations_[i].Correct(point_share, error);
    times[i] = measured_[i].seconds * std::exp(common_ + deviations_[i].logarithm);
    weights[i] = 1.0 / (1 + deviations_[i].age);
  }
  // Rows are never cheaper than none; points seen lately count more.
  MakeAscending<double>(weights, times);
  for (size_t i = 0; i < points_.size(); ++i) points_[i].seconds = times[i];
}

void StepTimeTable::Deviation::Correct(double share, double error) {
  const double rate = kPointRate + (kOldPointRate - kPointRate) * std::min(age, kOldAge) / kOldAge;
  age = share < kShownShare ? age + 1 : 0;
  logarithm += rate * share * error - kForgotten * logarithm;
}

}  // namespace chimera
