#include "common/base/failpoint.h"

#ifdef CHIMERA_FAILPOINTS

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/check.h"
#include "common/base/mutex.h"

namespace chimera {
namespace {

constexpr std::array kSiteNames = {"admit", "prefill", "forward", "commit",
                                   "send",  "receive", "close"};

class Failpoints {
 public:
  Failpoints() {
    if (const char* text = std::getenv("CHIMERA_FAILPOINT")) ArmFromText(text);
  }

  void Arm(FailpointSite site, FailpointAction action, int passes) {
    CHIMERA_CHECK(passes >= 1) << passes;
    MutexLock lock(&mutex_);
    points_[static_cast<size_t>(site)] = {action, passes, false};
  }

  absl::Status Pass(FailpointSite site) {
    MutexLock lock(&mutex_);
    Point& point = points_[static_cast<size_t>(site)];
    if (point.passes_left == 0 || --point.passes_left > 0) return absl::OkStatus();
    point.has_acted = true;
    if (point.action == FailpointAction::kAbort) std::abort();
    return absl::InternalError(absl::StrCat("failpoint ", kSiteNames[static_cast<size_t>(site)]));
  }

  bool HasActed(FailpointSite site) {
    MutexLock lock(&mutex_);
    return points_[static_cast<size_t>(site)].has_acted;
  }

 private:
  struct Point {
    FailpointAction action = FailpointAction::kError;
    int passes_left = 0;  // 0: not armed
    bool has_acted = false;
  };

  void ArmFromText(const std::string& text) {
    const std::vector<std::string> parts = absl::StrSplit(text, ':');
    int passes = 0;
    CHIMERA_CHECK(parts.size() == 3 && (parts[1] == "error" || parts[1] == "abort") &&
                  absl::SimpleAtoi(parts[2], &passes))
        << "CHIMERA_FAILPOINT is " << text << ", not SITE:ACTION:PASSES";
    for (size_t site = 0; site < kSiteNames.size(); ++site) {
      if (parts[0] != kSiteNames[site]) continue;
      return Arm(static_cast<FailpointSite>(site),
                 parts[1] == "abort" ? FailpointAction::kAbort : FailpointAction::kError, passes);
    }
    CHIMERA_CHECK(false) << "CHIMERA_FAILPOINT names no site: " << text;
  }

  Mutex mutex_;
  std::array<Point, kSiteNames.size()> points_ ABSL_GUARDED_BY(mutex_);
};

Failpoints& AllFailpoints() {
  static Failpoints failpoints;
  return failpoints;
}

}  // namespace

absl::Status Failpoint(FailpointSite site) { return AllFailpoints().Pass(site); }

void ArmFailpoint(FailpointSite site, FailpointAction action, int passes) {
  AllFailpoints().Arm(site, action, passes);
}

bool FailpointHasActed(FailpointSite site) { return AllFailpoints().HasActed(site); }

}  // namespace chimera

#endif  // CHIMERA_FAILPOINTS
