#include "tools/chimera/bench/progress_bar.h"

#include <cstdint>

#include "absl/strings/str_cat.h"

namespace chimera {
namespace {

constexpr int kWidth = 40;

// Goes back to the start of the line and clears it.
constexpr char kClearLine[] = "\r\x1b[K";

}  // namespace

std::string FormatProgress(int done, int total, absl::string_view label) {
  const int filled = static_cast<int>(int64_t{kWidth} * done / total);
  return absl::StrCat("[", std::string(filled, '#'), std::string(kWidth - filled, '.'), "] ", done,
                      "/", total, " ", label);
}

ProgressBar::ProgressBar(const Terminal& terminal, int total)
    : terminal_(terminal), total_(total), visible_(terminal.ErrorsAreInteractive()) {}

ProgressBar::~ProgressBar() {
  if (visible_) terminal_.PrintError(kClearLine);
}

void ProgressBar::Advance(absl::string_view label) {
  const MutexLock lock(&mutex_);
  ++done_;
  if (visible_) {
    terminal_.PrintError(absl::StrCat(kClearLine, FormatProgress(done_, total_, label)));
  }
}

}  // namespace chimera
