// A bar that shows how far a benchmark is.

#ifndef CHIMERA_TOOLS_CHIMERA_BENCH_PROGRESS_BAR_H_
#define CHIMERA_TOOLS_CHIMERA_BENCH_PROGRESS_BAR_H_

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "common/base/mutex.h"
#include "tools/chimera/terminal.h"

namespace chimera {

// The bar as text: "[####......] 8/20 auto".
std::string FormatProgress(int done, int total, absl::string_view label);

// Draws the bar on one line of the terminal's errors, and nothing where they are not a terminal.
// The line is cleared at the end. Thread-safe.
class ProgressBar {
 public:
  // `terminal` must outlive the bar. `total` is positive.
  ProgressBar(const Terminal& terminal, int total);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Shows that one more is done. `label` says what runs.
  void Advance(absl::string_view label);

 private:
  const Terminal& terminal_;
  const int total_;
  const bool visible_;
  Mutex mutex_;
  int done_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_BENCH_PROGRESS_BAR_H_
