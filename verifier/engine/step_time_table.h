// How long a step takes on this machine, by the number of its rows.

#ifndef CHIMERA_VERIFIER_ENGINE_STEP_TIME_TABLE_H_
#define CHIMERA_VERIFIER_ENGINE_STEP_TIME_TABLE_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "common/backend/backend.h"
#include "common/base/clock.h"

namespace chimera {

// Points measured at start-up, joined by straight lines, and corrected by what steps take later on:
// all of them together, because machines slow down and contexts grow, and each by itself. What was
// not seen for a while counts the more when it is. What a point differs by is forgotten slowly, so
// that rows that once were dear are tried again. One thread.
class StepTimeTable {
 public:
  struct Point {
    int rows = 0;
    double seconds = 0;
  };

  // REQUIRES: at least two points, rows ascending.
  explicit StepTimeTable(std::vector<Point> points);

  // Times steps of one tree of 1 to TokenTree::kMaxNodes rows, the best of a few each and never
  // more than for more rows, using the backend's first pages and slot. Their contents are worthless
  // afterwards. No step may be in flight.
  static absl::StatusOr<StepTimeTable> Measure(Backend* backend, const Clock& clock);

  // Seconds of a step of `rows` rows; beyond the last point the last line goes on.
  double Seconds(int rows) const;

  // A step of `rows` rows took `seconds`. Corrects a little each time.
  void Observe(int rows, double seconds);

  // As corrected until now.
  const std::vector<Point>& points() const { return points_; }

 private:
  // Index of the right end of the line that `rows` is on.
  size_t RightOf(int rows) const;

  // How a point differs from the start-up's, but for what all have in common.
  struct Deviation {
    double logarithm = 0;  // of the ratio
    int age = 0;           // observations since one that showed it

    // It has a share in an observation that is off by `error`, a logarithm.
    void Correct(double share, double error);
  };

  std::vector<Point> measured_;
  std::vector<Point> points_;
  std::vector<Deviation> deviations_;  // by point
  double common_ = 0;                  // logarithm of the ratio of all points to the start-up's
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_STEP_TIME_TABLE_H_
