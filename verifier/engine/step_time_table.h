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
// contexts grow, and machines slow down. One thread.
class StepTimeTable {
 public:
  struct Point {
    int rows = 0;
    double seconds = 0;
  };

  // REQUIRES: at least two points, rows ascending.
  explicit StepTimeTable(std::vector<Point> points);

  // Times steps of 1, 2, 4, ... rows of one tree, the best of a few each and never less than for
  // fewer rows, using the backend's first pages and slot. Their contents are worthless afterwards. No
  // step may be in flight.
  static absl::StatusOr<StepTimeTable> Measure(Backend* backend, const Clock& clock);

  // Seconds of a step of `rows` rows; beyond the last point the last line goes on.
  double Seconds(int rows) const;

  // A step of `rows` rows took `seconds`. Corrects a little each time: all points, because what slows
  // one step down slows down others, and those nearest to `rows` once more.
  void Observe(int rows, double seconds);

  // As corrected until now.
  const std::vector<Point>& points() const { return points_; }

 private:
  // Index of the right end of the line that `rows` is on.
  size_t RightOf(int rows) const;

  std::vector<Point> points_;
};

}  // namespace chimera

#endif  // CHIMERA_VERIFIER_ENGINE_STEP_TIME_TABLE_H_
