// A choice among what a library offers, of which not everything works.

#ifndef CHIMERA_COMMON_CUDA_BLAS_FIRST_USABLE_H_
#define CHIMERA_COMMON_CUDA_BLAS_FIRST_USABLE_H_

#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/cuda/runtime/device_error.h"

namespace chimera::cuda {

// What `use(candidate)` returns, a StatusOr, for the first candidate for which that is no error.
// Errors: at once that of a lost device or of too little memory, which say nothing of a candidate;
// FAILED_PRECONDITION if none is usable, with `none` and why the last one is not.
template <typename Candidate, typename Use>
std::invoke_result_t<Use, const Candidate&> FirstUsable(const std::vector<Candidate>& candidates,
                                                        absl::string_view none, Use use) {
  absl::Status last;
  for (const Candidate& candidate : candidates) {
    auto result = use(candidate);
    if (result.ok()) return result;
    last = result.status();
    if (IsDeviceLost(last) || absl::IsResourceExhausted(last)) return last;
  }
  if (candidates.empty()) return absl::FailedPreconditionError(none);
  return absl::FailedPreconditionError(
      absl::StrCat(none, ": the last of ", candidates.size(), ": ", last.message()));
}

}  // namespace chimera::cuda

#endif  // CHIMERA_COMMON_CUDA_BLAS_FIRST_USABLE_H_
