#include "verifier/engine/step_time_table.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <utility>

#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace chimera {
namespace {

constexpr int kRepetitions = 3;

// Shares of an observed error that are corrected at once.
constexpr double kCommonRate = 0.03;
constexpr double kPointRate = 0.03;
constexpr double kLargestRatio = 1.5;

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
  double best = 0;
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const auto start = clock.Now();
    CHIMERA_RETURN_IF_ERROR(backend->Submit(StepBatch{std::span(&step, 1), {}}));
    CHIMERA_RETURN_IF_ERROR(backend->Wait().status());
    const double seconds = std::chrono::duration<double>(clock.Now() - start).count();
    best = repetition == 0 ? seconds : std::min(best, seconds);
  }
  return best;
}

}  // namespace

StepTimeTable::StepTimeTable(std::vector<Point> points) : points_(std::move(points)) {
  CHIMERA_CHECK(points_.size() >= 2);
}

absl::StatusOr<StepTimeTable> StepTimeTable::Measure(Backend* backend, const Clock& clock) {
  std::vector<Point> points;
  for (int rows = 1; rows <= TokenTree::kMaxNodes; rows *= 2) {
    CHIMERA_ASSIGN_OR_RETURN(const TokenTree tree, StarTree(rows, backend->config().vocab_size));
    CHIMERA_ASSIGN_OR_RETURN(double seconds, TimeTree(backend, clock, tree));
    // A disturbed measurement must not make rows look cheaper than none.
    if (!points.empty()) seconds = std::max(seconds, points.back().seconds);
    points.push_back({rows, seconds});
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
  for (Point& point : points_) point.seconds *= std::exp(kCommonRate * error);
  points_[right - 1].seconds *= std::exp(kPointRate * (1 - share) * error);
  points_[right].seconds *= std::exp(kPointRate * share * error);
  // Rows are never cheaper than none, as in Measure.
  for (size_t i = 1; i < points_.size(); ++i) {
    points_[i].seconds = std::max(points_[i].seconds, points_[i - 1].seconds);
  }
}

}  // namespace chimera
